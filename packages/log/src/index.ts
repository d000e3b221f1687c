export type { CleanableRange } from './cleaner/cleanable-range.ts';
export { type CleanerJobs, cleanerJobs } from './cleaner/jobs.ts';
export type { CleaningFailure, CleaningPorts, CleaningResult } from './compaction.ts';
export {
  LogDirectory,
  type OpenDirectory,
  type OpenDirectoryOptions,
  type PartitionDirectory,
} from './directory/log-directory.ts';
export { type Admission, admitChecked } from './door/admit.ts';
export {
  appendFailure,
  checkedBatch,
  type DoorOptions,
  judgeFrame,
  judgeHeader,
  rulesOf,
} from './door/door.ts';
export { type AdmissionVerdict, admissionAnswer, type LogJobs, logJobs } from './door/jobs.ts';
export type { LookupFailure, TimeLookup } from './lookup/log-times.ts';
export type { CostlyBatch, LookupBudget, OpenedBatch, PausedLookup } from './lookup/time-lookup.ts';
export { PartitionLog } from './partition-log.ts';
export { type RecoveryJobs, recoveryJobs } from './recovery/jobs.ts';
export { LogOpenError, type OpenLogOptions } from './recovery/open-log.ts';
export type { Opened, OpeningPorts } from './recovery/opening.ts';
export * from './types.ts';
