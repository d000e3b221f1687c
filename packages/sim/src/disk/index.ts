export { SimDisk } from './disk.ts';
