export * from './admit.ts';
export * from './door.ts';
export * from './jobs.ts';
export * from './leader-epochs.ts';
export * from './log-directory.ts';
export type { LookupFailure, TimeLookup } from './log-times.ts';
export { OpenFiles } from './open-files.ts';
export { LogOpenError, type OpenLogOptions } from './open-log.ts';
export * from './partition-log.ts';
export * from './producer-states.ts';
export type { AdmittedBatch, TopicCompression } from './recompress.ts';
export type {
  CostlyBatch,
  FindInBatch,
  LookupBudget,
  OpenedBatch,
} from './time-lookup.ts';
export * from './types.ts';
