/** Gathers records in batches, one open batch for each partition. */
import { type NewRecord, partitionForKey } from '@millrace/protocol';

export interface GatheredBatch {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly NewRecord[];
  readonly recordCount: number;
}

export interface BatcherOptions {
  readonly topic: string;
  readonly partitionCount: number;
  /**
   * The partition of all records. Undefined: the hash of a record's key selects the partition, and records
   * without a key go to all partitions in turn.
   */
  readonly partition: number | undefined;
  /** A batch that reaches this size is full. */
  readonly batchBytes: number;
  /** Records without a key go to all partitions in turn, beginning with the partition after this one. */
  readonly first: number;
  full(batch: GatheredBatch): void;
}

/** About the number of bytes of a record in addition to its key and value. */
const OVERHEAD_BYTES = 24;

export class Batcher {
  private readonly options: BatcherOptions;
  private readonly open = new Map<number, { records: NewRecord[]; sizeBytes: number }>();
  private next: number;

  constructor(options: BatcherOptions) {
    this.options = options;
    this.next = options.first;
  }

  add(record: NewRecord): void {
    const { batchBytes } = this.options;
    const partition = this.partitionOf(record);
    const batch = this.open.get(partition) ?? { records: [], sizeBytes: 0 };
    this.open.set(partition, batch);
    batch.records.push(record);
    batch.sizeBytes += OVERHEAD_BYTES + (record.key?.length ?? 0) + (record.value?.length ?? 0);
    if (batch.sizeBytes >= batchBytes) this.finish(partition);
  }

  /** Passes every open batch to `full`, whatever its size. */
  flush(): void {
    for (const partition of [...this.open.keys()]) this.finish(partition);
  }

  private finish(partition: number): void {
    const { records } = this.open.get(partition)!;
    this.open.delete(partition);
    const { topic, full } = this.options;
    full({ topic, partition, records, recordCount: records.length });
  }

  private partitionOf({ key }: NewRecord): number {
    const { partition, partitionCount } = this.options;
    if (partition !== undefined) return partition;
    if (key !== undefined && key !== null) return partitionForKey(key, partitionCount);
    this.next = (this.next + 1) % partitionCount;
    return this.next;
  }
}
