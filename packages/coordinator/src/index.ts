export type * from './runtime/machine.ts';
