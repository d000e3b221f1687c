/** What a log has done beside the loop. The functions are the same in a worker, in the simulator and on the loop. */
import type { JobKind } from '@millrace/base';
import type { CompressionCodecs, FoundRecord } from '@millrace/protocol';
import { type FindInBatch, findInBatch } from './time-lookup.ts';

export interface LogJobs {
  /** The first record of a batch with a timestamp of at least the one that is asked for. */
  readonly findInBatch: JobKind<FindInBatch, FoundRecord | undefined>;
  /** Every kind, for whoever runs them. */
  readonly all: readonly JobKind<never, unknown>[];
}

export function logJobs(codecs: CompressionCodecs): LogJobs {
  const find: LogJobs['findInBatch'] = {
    name: 'find-in-batch',
    run: (batch, wanted) => ({ value: findInBatch(batch, wanted, codecs), bytes: batch }),
  };
  return { findInBatch: find, all: [find] };
}
