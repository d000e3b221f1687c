export type { LinkQuality } from './link.ts';
export { Network, type NetworkOptions } from './network.ts';
