export * from './leader-epochs.ts';
export * from './log-directory.ts';
export * from './partition-log.ts';
export * from './producer-states.ts';
export * from './types.ts';
