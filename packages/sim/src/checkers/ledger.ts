/**
 * The reference log of every partition, with the bytes of each committed batch. The bytes come from the first
 * replica that the checker could read and whose high watermark is above the batch, most often the leader.
 * Checkers compare the replicas and the reads of clients with the ledger.
 */
import type { LeaderEpoch, Offset, Uuid } from '@millrace/base';
import type { LogStart } from '@millrace/checkers';
import type { BatchHeader } from '@millrace/protocol';
import type { Partition } from '@millrace/replication';
import type { Micros } from '../world/index.ts';
import type { LogBatch } from './log-reading.ts';

/** A log start offset that a leader had, and when. `toUs` is infinity while the leader still has it. */
export interface LedgerStart extends LogStart {
  toUs: Micros;
}

/**
 * In this leader epoch, the leader's log began at `startOffset` when it appended the batches from
 * `fromOffset` on.
 */
interface Appends {
  readonly leaderEpoch: LeaderEpoch;
  readonly fromOffset: Offset;
  readonly startOffset: Offset;
}

export class PartitionLedger {
  readonly topicId: Uuid;
  readonly topic: string;
  readonly index: number;
  /**
   * By ascending offset. Has a gap if the replica that was read had raised its log start offset, until the
   * checker reads another replica there.
   */
  readonly batches: LogBatch[] = [];
  /**
   * The largest high watermark that any replica has reached. It is above the end of `batches` while the
   * checker has not read the bytes.
   */
  committedEnd: Offset = 0;
  /**
   * A leader has kept the record of a key that a client deleted later, because the leader had lagged behind
   * for longer than `delete.retention.ms`. The coordinator loads this log, and finds deleted members and
   * offsets, as with Apache Kafka. Also true if the topic is beyond the contract, and a leader may have kept
   * such a record.
   */
  hasStaleKeys = false;
  /**
   * Whether some replica may have been compacted. It stays true: after a change of `cleanup.policy`, and at
   * followers that copied a compacted log, the logs still lack the records that compaction dropped.
   */
  mayBeCompacted = false;
  /** How often `fill` put a batch in front of other batches. */
  fills = 0;
  /** The largest log start offset that the checker `expired-too-early` has accepted. */
  startOffset: Offset = 0;
  /** Every log start offset that a leader has had, with its time. Some may lie above `startOffset`. */
  readonly starts: LedgerStart[] = [];
  /** In the order of time. */
  readonly appends: Appends[] = [];

  constructor(topicId: Uuid, topic: string, index: number) {
    this.topicId = topicId;
    this.topic = topic;
    this.index = index;
  }

  get name(): string {
    return `${this.topic}-${this.index}`;
  }

  /** The end offset of `batches`. */
  get end(): Offset {
    const last = this.batches.at(-1);
    return last === undefined ? 0 : last.header.lastOffset + 1;
  }

  /** Puts a batch into a gap. Returns false if another batch has one of its offsets. */
  fill(batch: LogBatch): boolean {
    const { baseOffset, lastOffset } = batch.header;
    const next = this.batches.findIndex(({ header }) => header.lastOffset >= baseOffset);
    if (next < 0 || this.batches[next]!.header.baseOffset <= lastOffset) return false;
    this.batches.splice(next, 0, batch);
    this.fills++;
    return true;
  }

  /** Where the leader's log began when the leader appended the batch. */
  startAtAppend({ leaderEpoch, baseOffset }: BatchHeader): Offset {
    const found = this.appends.findLast(
      (one) => one.leaderEpoch === leaderEpoch && one.fromOffset <= baseOffset,
    );
    return found?.startOffset ?? 0;
  }

  /** The batch that contains the offset. */
  find(offset: Offset): LogBatch | undefined {
    let low = 0;
    let high = this.batches.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.batches[middle]!.header.lastOffset < offset) low = middle + 1;
      else high = middle;
    }
    const found = this.batches[low];
    return found !== undefined && found.header.baseOffset <= offset ? found : undefined;
  }
}

export class Ledger {
  /** Called when the committed end of a partition has moved. */
  readonly watchers: ((moved: PartitionLedger) => void)[] = [];
  private readonly byId = new Map<string, PartitionLedger>();
  /** By topic name and partition, for the latest topic of each name. */
  private readonly byName = new Map<string, PartitionLedger>();
  /** Caches the ledger of each replica, which saves building the key of `byId`. */
  private readonly byReplica = new Map<Partition, PartitionLedger>();

  of(replica: Partition): PartitionLedger {
    let ledger = this.byReplica.get(replica);
    if (ledger === undefined) {
      ledger = this.ensure(replica);
      this.byReplica.set(replica, ledger);
    }
    return ledger;
  }

  /** Call this when a high watermark has reached the offset `end`. */
  commit(ledger: PartitionLedger, end: Offset): void {
    if (end <= ledger.committedEnd) return;
    ledger.committedEnd = end;
    for (const watch of this.watchers) watch(ledger);
  }

  get(topicId: Uuid, index: number): PartitionLedger | undefined {
    return this.byId.get(`${topicId}-${index}`);
  }

  named(topic: string, index: number): PartitionLedger | undefined {
    return this.byName.get(`${topic}-${index}`);
  }

  private ensure({ topicId, topic, index }: Partition): PartitionLedger {
    const key = `${topicId}-${index}`;
    let ledger = this.byId.get(key);
    if (ledger === undefined) {
      ledger = new PartitionLedger(topicId, topic, index);
      this.byId.set(key, ledger);
      this.byName.set(ledger.name, ledger);
    }
    return ledger;
  }
}
