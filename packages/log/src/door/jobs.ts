/**
 * The kinds of jobs that handle a log's costly batches off the event loop. A node's workers run other
 * functions under the same names, with the same results: those functions decompress a batch as a stream.
 */
import type { JobAnswer, JobKind } from '@millrace/base';
import type { CompressionCodecs, FoundRecord } from '@millrace/protocol';
import { type FindInBatch, findInBatch } from '../lookup/time-lookup.ts';
import type { AppendFailure } from '../types.ts';
import { type Admission, admitWhole } from './admit.ts';
import type { CheckedBatch, DoorOptions } from './door.ts';

/** An admission without its bytes, which travel separately. */
export type AdmissionVerdict = CheckedBatch | AppendFailure;

export interface LogJobs {
  /** Checks a client's batch and recompresses it for the topic. */
  readonly admit: JobKind<DoorOptions, AdmissionVerdict>;
  /**
   * Finds the first record of a batch whose offset is at least the log start offset, and whose timestamp is
   * at least the wanted one.
   */
  readonly findInBatch: JobKind<FindInBatch, FoundRecord | undefined>;
}

export function logJobs(codecs: CompressionCodecs): LogJobs {
  return {
    admit: {
      name: 'admit-batch',
      run: (batch, o) => admissionAnswer(batch, admitWhole(batch, o, codecs)),
    },
    findInBatch: {
      name: 'find-in-batch',
      run: (batch, wanted) => ({ value: findInBatch(batch, wanted, codecs), bytes: batch }),
    },
  };
}

/** A refusal returns the given bytes, because the caller may need their buffer back. */
export function admissionAnswer(given: Uint8Array, admission: Admission): JobAnswer<AdmissionVerdict> {
  if (!admission.ok) return { value: admission, bytes: given };
  const { bytes, ...value } = admission;
  return { value, bytes };
}
