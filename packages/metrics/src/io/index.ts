export { Exposition } from './exposition.ts';
