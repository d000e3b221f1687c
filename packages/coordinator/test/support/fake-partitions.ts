/**
 * A fake of the data plane for tests of the runtime: it keeps logs in memory, reports leaderships, and
 * commits when the test says so. A read passes on one batch in each millisecond.
 */
import type { LeaderEpoch, Offset, Uuid } from '@millrace/base';
import type { ManualClock } from '@millrace/base/testing';
import { BatchHeader, ErrorCode, readBatchHeader, readRecords, stampBatch } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import type {
  LeadershipListener,
  OwnAppend,
  PartitionBounds,
  ProduceResult,
  ReadWanted,
} from '@millrace/replication';
import type { LedPartitions } from '../../src/runtime/ports.ts';
import { textOf } from './counter-machine.ts';

export const TOPIC_ID = 'offsetsAAAAAAAAAAAAAAA' as Uuid;
export const TOPIC = '__consumer_offsets';

interface Parked {
  readonly index: number;
  readonly offset: Offset;
  readonly settle: (errorCode: ErrorCode) => void;
}

export class FakePartitions implements LedPartitions {
  readonly clock: ManualClock;
  readonly logs = new Map<number, Uint8Array[]>();
  startOffset = 0;
  batchBytesMax = 1_048_588;
  /** The answer of `mayAppend`. */
  refusal: ErrorCode = ErrorCode.NONE;
  /** If set, appends fail at once with this error. */
  appendError: ErrorCode = ErrorCode.NONE;
  /** The outcomes of the next reads of a batch, in this order. After the last one, all reads succeed. */
  readonly readErrors: ErrorCode[] = [];
  /** True: a batch is committed at the end of the turn in which it was appended. */
  commits = true;
  hasLease = true;
  readonly corruptions: string[] = [];
  private readonly parked: Parked[] = [];
  private readonly epochs = new Map<number, LeaderEpoch>();
  private listener: LeadershipListener | undefined;
  readonly leaderships = {
    watch: (listener: LeadershipListener) => {
      this.listener = listener;
      return () => {
        this.listener = undefined;
      };
    },
  };

  constructor(clock: ManualClock) {
    this.clock = clock;
  }

  get isWatched(): boolean {
    return this.listener !== undefined;
  }

  log(index: number): Uint8Array[] {
    const log = this.logs.get(index) ?? [];
    this.logs.set(index, log);
    return log;
  }

  /** The log end offset. */
  end(index: number): Offset {
    const last = this.log(index).at(-1);
    return last === undefined ? this.startOffset : readBatchHeader(last).lastOffset + 1;
  }

  /** Adds a batch to the log directly, without a coordinator. */
  put(index: number, batch: Uint8Array): void {
    const copy = new Uint8Array(batch);
    stampBatch(copy, 0, this.end(index), 0);
    this.log(index).push(copy);
  }

  /** The records of each batch, as `key=value`. */
  contents(index: number): string[][] {
    return this.log(index).map((batch) =>
      [...readRecords(batch, compressionCodecs)].map(
        ({ key, value }) => `${textOf(key!)}=${value === null ? 'null' : textOf(value)}`,
      ),
    );
  }

  lead(index: number, epoch: LeaderEpoch = 0, topic = TOPIC): void {
    this.epochs.set(index, epoch);
    this.listener?.began({ topicId: TOPIC_ID, topic, index }, epoch);
  }

  /** Ends the leadership. If `tells` is false, nobody reports this until the test calls `tellEnd`. */
  resign(index: number, tells = true): void {
    const epoch = this.epochs.get(index)!;
    this.epochs.delete(index);
    this.settle(index, ErrorCode.NOT_LEADER_OR_FOLLOWER);
    if (tells) this.tellEnd(index, epoch);
  }

  tellEnd(index: number, epoch: LeaderEpoch): void {
    this.listener?.ended({ topicId: TOPIC_ID, topic: TOPIC, index }, epoch);
  }

  /** Calls the parked callbacks that wait for an offset of at most `below`. They get `errorCode`. */
  settle(
    index: number,
    errorCode: ErrorCode = ErrorCode.NONE,
    below: Offset = Number.POSITIVE_INFINITY,
  ): void {
    const due = this.parked.filter((one) => one.index === index && one.offset <= below);
    for (const one of due) {
      this.parked.splice(this.parked.indexOf(one), 1);
      this.clock.soon(() => one.settle(errorCode));
    }
  }

  // ------------------------------------------------------------------ as the port

  append(
    { index, leaderEpoch, records }: OwnAppend,
    settled: (result: ProduceResult) => void,
  ): ProduceResult {
    const result = { baseOffset: -1, logAppendTimeMs: -1, logStartOffset: 0 };
    const errorCode = this.leads(index, leaderEpoch) ? this.appendError : ErrorCode.NOT_LEADER_OR_FOLLOWER;
    if (errorCode !== ErrorCode.NONE) {
      this.clock.soon(() => settled({ ...result, errorCode }));
      return { ...result, errorCode };
    }
    this.put(index, records);
    records.fill(0xdd);
    this.park(index, this.end(index), (settledWith) => settled({ ...result, errorCode: settledWith }));
    return { ...result, errorCode };
  }

  read(_topicId: Uuid, index: number, wanted: ReadWanted): () => void {
    let isStopped = false;
    let next = 0;
    const turn = () => {
      if (isStopped) return;
      const log = this.log(index);
      const batch = log[next];
      const error = this.readErrors.shift() ?? ErrorCode.NONE;
      if (!this.leads(index, wanted.leaderEpoch)) wanted.done(ErrorCode.NOT_LEADER_OR_FOLLOWER, 0);
      else if (error !== ErrorCode.NONE) wanted.done(error, 0);
      else if (batch === undefined) wanted.done(ErrorCode.NONE, this.end(index));
      else {
        next++;
        this.clock.setTimer(1, turn);
        if (readBatchHeader(batch, 0, new BatchHeader()).baseOffset < wanted.fromOffset) return;
        const lent = new Uint8Array(batch);
        wanted.batches(lent);
        lent.fill(0xdd);
      }
    };
    this.clock.setTimer(1, turn);
    return () => {
      isStopped = true;
    };
  }

  mayAppend(_topicId: Uuid, index: number, leaderEpoch: LeaderEpoch): ErrorCode {
    return this.leads(index, leaderEpoch) ? this.refusal : ErrorCode.NOT_LEADER_OR_FOLLOWER;
  }

  whenCommitted(
    _topicId: Uuid,
    index: number,
    leaderEpoch: LeaderEpoch,
    offset: Offset,
    settled: (errorCode: ErrorCode) => void,
  ): void {
    if (this.leads(index, leaderEpoch)) this.park(index, offset, settled);
    else this.clock.soon(() => settled(ErrorCode.NOT_LEADER_OR_FOLLOWER));
  }

  holdsLease(): boolean {
    return this.hasLease;
  }

  bounds(_topicId: Uuid, index: number, leaderEpoch: LeaderEpoch): PartitionBounds | undefined {
    const { startOffset, batchBytesMax } = this;
    return this.leads(index, leaderEpoch) ? { startOffset, batchBytesMax } : undefined;
  }

  foundCorrupt(_topicId: Uuid, _index: number, _leaderEpoch: LeaderEpoch, reason: string): void {
    this.corruptions.push(reason);
  }

  private leads(index: number, leaderEpoch: LeaderEpoch): boolean {
    return this.epochs.get(index) === leaderEpoch;
  }

  private park(index: number, offset: Offset, settle: (errorCode: ErrorCode) => void): void {
    this.parked.push({ index, offset, settle });
    if (this.commits && this.hasLease) this.settle(index);
  }
}
