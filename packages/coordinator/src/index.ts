export type * from './client-facts.ts';
export type * from './config.ts';
export type * from './runtime/machine.ts';
