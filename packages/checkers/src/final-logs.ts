/**
 * The contents of every partition at the end of the run, when nothing writes. In the simulator the log of the
 * leader gives them; of real processes a consumer reads them from the beginning.
 */
import type { BatchHeader, Timestamp } from '@millrace/protocol';
import type { SeenRecord } from './history.ts';

export interface FinalBatch {
  readonly header: BatchHeader;
  /** From its records; NO_TIMESTAMP if it has none. */
  readonly largestTimestamp: Timestamp;
}

export interface FinalLog {
  readonly topic: string;
  readonly partition: number;
  /** By ascending position in the log. */
  readonly records: readonly SeenRecord[];
  /** Undefined: the library of the consumer hides batches. */
  readonly batches: readonly FinalBatch[] | undefined;
}

export class FinalLogs {
  private readonly read: () => FinalLog[];
  private all: FinalLog[] | undefined;
  private byName: Map<string, FinalLog> | undefined;

  /** Calls `read` once, at the first use. */
  constructor(read: () => FinalLog[]) {
    this.read = read;
  }

  list(): readonly FinalLog[] {
    this.all ??= this.read();
    return this.all;
  }

  /** Undefined: the partition no longer exists. */
  of(topic: string, partition: number): FinalLog | undefined {
    this.byName ??= new Map(this.list().map((log) => [`${log.topic}-${log.partition}`, log]));
    return this.byName.get(`${topic}-${partition}`);
  }
}
