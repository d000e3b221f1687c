export * from './door.ts';
export * from './jobs.ts';
export * from './leader-epochs.ts';
export * from './log-directory.ts';
export { OpenFiles } from './open-files.ts';
export { LogOpenError, type OpenLogOptions } from './open-log.ts';
export * from './partition-log.ts';
export * from './producer-states.ts';
export * from './types.ts';
