/**
 * The package as a worker thread needs it: the jobs of logs, and what they are made of. A worker that loads
 * only this starts in two thirds of the time. The first compaction and the first compressed batch after an
 * idle time wait for a worker's start.
 */
export { type CleanerJobs, cleanerJobs } from './cleaner/jobs.ts';
export { type Admission, admitChecked } from './door/admit.ts';
export { checkedBatch, judgeFrame, judgeHeader, rulesOf } from './door/door.ts';
export { admissionAnswer, type LogJobs, logJobs } from './door/jobs.ts';
export { type RecoveryJobs, recoveryJobs } from './recovery/jobs.ts';
