/**
 * The operations of the clients, in the order in which they ended. The history checkers read nothing else.
 * Uses the words of Jepsen's kafka workload: an operation ends `ok` (it happened), `fail` (it certainly did
 * not) or `info` (unknown).
 */
import type { Micros } from '../world/index.ts';

export type Outcome = 'ok' | 'fail' | 'info';

/** One record batch on its way, from the first attempt to the last answer. */
export interface SendOp {
  readonly type: 'send';
  readonly client: string;
  readonly topic: string;
  readonly partition: number;
  /** Unique in the whole run. The value at index i is at `baseOffset + i`. */
  readonly values: readonly string[];
  readonly acks: 0 | 1 | -1;
  readonly idempotent: boolean;
  readonly invokedUs: Micros;
  endedUs: Micros;
  outcome: Outcome;
  /** Undefined unless it is ok and the answer has an offset (not with acks=0). */
  baseOffset: number | undefined;
  /** The last answer's error name, or why there was none. */
  error: string | undefined;
  /** The broker that acknowledged it. */
  ackedBy: number | undefined;
}

export interface SeenRecord {
  readonly offset: number;
  readonly value: string;
  /** partitionLeaderEpoch of its batch. */
  readonly leaderEpoch: number;
}

/** One answered fetch of one partition with records, or a position reset. */
export interface PollOp {
  readonly type: 'poll';
  readonly client: string;
  readonly topic: string;
  readonly partition: number;
  /**
   * The first offset that the client wanted. Records before it (the same batch) are left out of `records`.
   */
  readonly fetchOffset: number;
  readonly records: readonly SeenRecord[];
  readonly highWatermark: number;
  readonly brokerId: number;
  readonly endedUs: Micros;
}

/**
 * A consumer (re)starts reading a partition at an offset: `earliest`, `latest`, or after OFFSET_OUT_OF_RANGE.
 */
export interface AssignOp {
  readonly type: 'assign';
  readonly client: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly why: 'earliest' | 'latest' | 'out-of-range' | 'truncated';
  readonly endedUs: Micros;
}

/** An administrator's request. */
export interface AdminOp {
  readonly type: 'admin';
  readonly client: string;
  readonly api: string;
  readonly topic: string;
  readonly invokedUs: Micros;
  readonly endedUs: Micros;
  readonly outcome: Outcome;
  readonly error: string | undefined;
}

export type Op = SendOp | PollOp | AssignOp | AdminOp;

/** An idempotent producer got OUT_OF_ORDER_SEQUENCE_NUMBER although every earlier batch is acknowledged. */
export interface LostSequence {
  readonly client: string;
  readonly topic: string;
  readonly partition: number;
  readonly value: string;
}

export class History {
  readonly ops: Op[] = [];
  readonly lostSequences: LostSequence[] = [];
  /** Batches with a wrong checksum at a consumer. */
  readonly damagedBatches: {
    readonly client: string;
    readonly topic: string;
    readonly partition: number;
    readonly offset: number;
  }[] = [];
  /** Called at the end of every operation, for online checkers and the story. */
  readonly watchers: ((op: Op) => void)[] = [];

  sequenceLost(client: string, topic: string, partition: number, value: string): void {
    this.lostSequences.push({ client, topic, partition, value });
  }

  damaged(client: string, topic: string, partition: number, offset: number): void {
    this.damagedBatches.push({ client, topic, partition, offset });
  }

  add(op: Op): void {
    this.ops.push(op);
    for (const watch of this.watchers) watch(op);
  }
}
