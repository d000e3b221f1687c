export type { Fate, PagesAfterFailure } from './content.ts';
export { type PowerLoss, SimDisk } from './disk.ts';
export type { FailingReadsFault, FilesToFail } from './failing-reads.ts';
export type { NamesAfterPowerLoss } from './folder.ts';
export type { QuorumStore } from './quorum-store.ts';
export type { SlowCallsFault } from './slow-calls.ts';
export type { SyncFailure } from './sync-faults.ts';
