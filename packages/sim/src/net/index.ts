export type { CaughtCall } from './caught-calls.ts';
export type { LinkQuality } from './link.ts';
export { Network, type NetworkOptions } from './network.ts';
