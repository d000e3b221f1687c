export * from './assert.ts';
export * from './deadlines.ts';
export * from './events/index.ts';
export * from './ids.ts';
export * from './parked.ts';
export * from './prng.ts';
export * from './seams.ts';
export * from './timers.ts';
