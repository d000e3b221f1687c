/** The job of recovery: it checks the checksums of the batches that one step has read. */
import type { JobKind } from '@millrace/base';
import { firstWrongChecksum } from './steps.ts';

export interface RecoveryJobs {
  /** The value is that of `firstWrongChecksum`. Returns no bytes, because recovery keeps its own copy. */
  readonly checkBatches: JobKind<undefined, number | undefined>;
}

const NO_BYTES = new Uint8Array(0);

export const recoveryJobs: RecoveryJobs = {
  checkBatches: {
    name: 'check-batches',
    run: (batches) => ({ value: firstWrongChecksum(batches), bytes: NO_BYTES }),
  },
};
