/**
 * What a log has done beside the loop. The functions are the same in a worker, in the simulator and on the
 * loop.
 */
import type { JobAnswer, JobKind } from '@millrace/base';
import type { CompressionCodecs, FoundRecord } from '@millrace/protocol';
import { type Admission, admitWhole } from './admit.ts';
import type { CheckedBatch, DoorOptions } from './door.ts';
import { type FindInBatch, findInBatch } from './time-lookup.ts';
import type { Refusal } from './types.ts';

/** An admission without its bytes, which go beside it. */
export type AdmissionVerdict = CheckedBatch | Refusal;

export interface LogJobs {
  /** A client's batch is checked, and compressed as the topic wants it. */
  readonly admit: JobKind<DoorOptions, AdmissionVerdict>;
  /** The first record of a batch with a timestamp of at least the one that is asked for. */
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

/** With a refusal the bytes that were given come back: who they were from may matter. */
export function admissionAnswer(given: Uint8Array, admission: Admission): JobAnswer<AdmissionVerdict> {
  if (!admission.ok) return { value: admission, bytes: given };
  const { bytes, ...value } = admission;
  return { value, bytes };
}
