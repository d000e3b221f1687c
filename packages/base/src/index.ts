export * from './assert.ts';
export * from './deadlines.ts';
export * from './ids.ts';
export * from './log-events/table.ts';
export * from './parked.ts';
export * from './prng.ts';
export * from './seams.ts';
export * from './timers.ts';
