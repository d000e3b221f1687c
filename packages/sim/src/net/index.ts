export type { Cancellation } from './cancelled-calls.ts';
export type { CaughtCall } from './caught-calls.ts';
export type { Connection } from './connection.ts';
export type { Link, LinkQuality } from './link.ts';
export { Network, type NetworkOptions } from './network.ts';
