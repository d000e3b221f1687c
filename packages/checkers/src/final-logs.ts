/**
 * The contents of every partition at the end of the run, when no client writes. In the simulator they come
 * from the leader's log. With real processes a consumer reads them from the beginning.
 */
import type { BatchHeader, Timestamp } from '@millrace/protocol';
import type { SeenRecord } from './history.ts';

export interface FinalBatch {
  readonly header: BatchHeader;
  /** The largest timestamp of the batch's records; NO_TIMESTAMP if none has one. */
  readonly largestTimestamp: Timestamp;
}

export interface FinalLog {
  readonly topic: string;
  readonly partition: number;
  /** The records in the order of the log. */
  readonly records: readonly SeenRecord[];
  /** The batches of the log. Undefined: the consumer's library does not show batches. */
  readonly batches: readonly FinalBatch[] | undefined;
}

export class FinalLogs {
  private readonly read: () => FinalLog[];
  private all: FinalLog[] | undefined;

  /** Calls `read` once, at the first use. */
  constructor(read: () => FinalLog[]) {
    this.read = read;
  }

  list(): readonly FinalLog[] {
    this.all ??= this.read();
    return this.all;
  }
}
