/**
 * The code that the writers of a trial share: the source of their records, and the interface through which
 * the trial uses them.
 */
import type { SentRecord } from './judge.ts';
import type { TrialPartition } from './topics.ts';

/** The header with the id of a record. */
export const ID_HEADER = 'id';

const BATCH_RECORDS_MAX = 12;
const VALUE_BYTES_MAX = 200;
const LARGE_VALUE_BYTES = 12_000;
const LARGE_SHARE = 0.01;

/**
 * While the node is down, a writer waits. When the node is back, the writer retries the records that the node
 * has not acknowledged.
 */
export interface Writer {
  /** The errors that reached the application. There must be none. */
  readonly errors: readonly string[];
  acked: number;
  /** Whether every record that was sent is acknowledged. */
  readonly isSettled: boolean;
  resume(): void;
  /** From now on, sends no new records. */
  pause(): void;
  close(): Promise<void>;
}

/** A sent record whose `acked` the writer may still set. */
export type OpenRecord = { -readonly [Name in keyof SentRecord]: SentRecord[Name] };

/** Makes the records of one writer. */
export class Source {
  readonly name: string;
  private readonly partitions: readonly TrialPartition[];
  private n = 0;

  constructor(name: string, partitions: readonly TrialPartition[]) {
    this.name = name;
    this.partitions = partitions;
  }

  /** Draws a partition and the records of a batch at random, and notes the records as sent. */
  batch(): { readonly target: TrialPartition; readonly records: OpenRecord[] } {
    const target = this.draw();
    const count = 1 + Math.floor(Math.random() * BATCH_RECORDS_MAX);
    const records = Array.from({ length: count }, () => this.record(target));
    target.sent.push(...records);
    return { target, records };
  }

  private draw(): TrialPartition {
    const weightOf = ({ topic }: TrialPartition): number => topic.weight / topic.partitions;
    let left = Math.random() * this.partitions.reduce((sum, one) => sum + weightOf(one), 0);
    for (const partition of this.partitions) {
      left -= weightOf(partition);
      if (left < 0) return partition;
    }
    return this.partitions[0]!;
  }

  private record({ topic }: TrialPartition): OpenRecord {
    const n = this.n++;
    const bytes =
      Math.random() < LARGE_SHARE ? LARGE_VALUE_BYTES : Math.floor(Math.random() * VALUE_BYTES_MAX);
    const text = `${this.name}-${n} `;
    const now = Date.now();
    return {
      writer: this.name,
      n,
      key: `k${Math.floor(Math.random() * topic.keys)}`,
      value: Math.random() < topic.tombstones ? null : text.repeat(Math.ceil(bytes / text.length)),
      timestamp: now,
      sentMs: now,
      acked: undefined,
    };
  }
}

/** Notes the offsets of acknowledged records. */
export function note(records: readonly OpenRecord[], baseOffset: number): void {
  const atMs = Date.now();
  for (const [index, record] of records.entries()) record.acked = { offset: baseOffset + index, atMs };
}
