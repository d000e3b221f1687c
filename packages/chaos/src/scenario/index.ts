export * from './builtin.ts';
export * from './kinds.ts';
export * from './parse.ts';
export * from './schedule.ts';
export * from './types.ts';
