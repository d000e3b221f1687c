/**
 * The history of a run: the operations of its clients and their results, in the order in which the operations
 * ended. The history has only facts that clients see, and none about the nodes. So clients of the simulator
 * and of real processes record the same kind of history.
 *
 * The words are those of Jepsen's kafka workload: an operation ends `ok` (it happened), `fail` (it certainly
 * did not happen) or `info` (nobody knows whether it happened, for example after a timeout). A fact that a
 * client cannot know is `undefined`. A checker then skips what depends on this fact, and never guesses.
 */
import type { LeaderEpoch, NodeId, Offset, Uuid } from '@millrace/base';

/** Time since the run began, in whole microseconds. */
export type Micros = number;

export type Outcome = 'ok' | 'fail' | 'info';

/** The topic of a fact. A topic that is deleted and created again has the same name, but another id. */
export interface TopicRef {
  readonly topic: string;
  /**
   * Undefined: the requests have only the topic's name, so the client cannot know which topic of this name
   * answered.
   */
  readonly topicId: Uuid | undefined;
}

export interface PartitionRef extends TopicRef {
  readonly partition: number;
}

/** The send of one record batch: from the creation of the batch until it is acknowledged or given up. */
export interface SendOp extends PartitionRef {
  readonly type: 'send';
  readonly client: string;
  /** The id of the topic that the last attempt reached. */
  topicId: Uuid | undefined;
  /**
   * Whether an attempt may have appended the values to another topic of the same name, or may still do so.
   */
  mayStray: boolean;
  /**
   * Each value has the form `CLIENT-N`. N grows with each value of the client, so a value is unique in the
   * whole run. The value at index i is at the offset `baseOffset + i`.
   */
  readonly values: readonly string[];
  readonly acks: 0 | 1 | -1;
  readonly idempotent: boolean;
  readonly invokedUs: Micros;
  endedUs: Micros;
  outcome: Outcome;
  /**
   * The offset that the answer gives for the first value. Undefined: the outcome is not `ok`, or the answer
   * has no such offset, or there is no answer (acks=0).
   */
  baseOffset: Offset | undefined;
  /** The error name of the last answer, or the reason why the client has no answer. Undefined with `ok`. */
  error: string | undefined;
  /** The broker that acknowledged the batch; undefined: the client does not know. */
  ackedBy: NodeId | undefined;
}

export interface SeenRecord {
  readonly offset: Offset;
  readonly value: string;
  /** `partitionLeaderEpoch` of the record's batch; undefined: the client's library hides it. */
  readonly leaderEpoch: LeaderEpoch | undefined;
  /** Undefined: the record has no key, or the client does not record keys. */
  readonly key?: string;
  /** True: the record deletes its key. `value` then comes from a header of the record. */
  readonly isTombstone?: boolean;
}

/** The records of one partition in one answer to a fetch. */
export interface PollOp extends PartitionRef {
  readonly type: 'poll';
  readonly client: string;
  /** The first offset that the client asks for. `records` leaves out earlier records of the same batch. */
  readonly fetchOffset: Offset;
  readonly records: readonly SeenRecord[];
  /**
   * The high watermark of the answer; undefined: the client's library hides it. Soak tests record the newest
   * high watermark that the library knows, which may come from a later answer.
   */
  readonly highWatermark: Offset | undefined;
  /** The broker that answered; undefined: the client does not know. */
  readonly brokerId: NodeId | undefined;
  readonly endedUs: Micros;
}

/** A consumer starts, or starts again, to read a partition at an offset. */
export interface AssignOp extends PartitionRef {
  readonly type: 'assign';
  readonly client: string;
  readonly offset: Offset;
  /**
   * `out-of-range`: a broker answered OFFSET_OUT_OF_RANGE. `truncated`: a broker answered that the leader
   * epoch of the last record that the consumer read ends before the consumer's position (KIP-320).
   */
  readonly why: 'earliest' | 'latest' | 'out-of-range' | 'truncated';
  readonly endedUs: Micros;
}

/**
 * A request that changes topics or configs. `topicId` is undefined if the request has only the topic's name.
 */
export interface AdminOp extends TopicRef {
  readonly type: 'admin';
  readonly client: string;
  readonly api: string;
  readonly invokedUs: Micros;
  readonly endedUs: Micros;
  readonly outcome: Outcome;
  readonly error: string | undefined;
}

/** The deletion of the records of one partition below an offset (DeleteRecords), with its retries. */
export interface DeleteRecordsOp extends PartitionRef {
  readonly type: 'delete-records';
  readonly client: string;
  /** The offset of the first record to keep; -1: the high watermark. */
  readonly offset: Offset;
  readonly invokedUs: Micros;
  readonly endedUs: Micros;
  /**
   * `info`: an attempt may have deleted the records, or may still do so. `fail`: there was one attempt, and
   * it got an error that excludes this.
   */
  readonly outcome: Outcome;
  readonly error: string | undefined;
  /** The low watermark in the answer. Undefined: there is no answer without an error. */
  readonly lowWatermark: Offset | undefined;
}

/** A member of a group, in one generation or member epoch. */
export interface MemberRef {
  readonly memberId: string;
  /** `group.instance.id` of a static member; null: a dynamic member. */
  readonly instanceId: string | null;
  /** The generation of a classic group, or the member epoch (KIP-848). */
  readonly epoch: number;
}

/** One request that commits the offset of one partition for a group. */
export interface CommitOp extends PartitionRef {
  readonly type: 'commit';
  readonly client: string;
  readonly group: string;
  /** Undefined: the client commits without being a member. */
  readonly member: MemberRef | undefined;
  readonly offset: Offset;
  readonly metadata: string;
  readonly invokedUs: Micros;
  readonly endedUs: Micros;
  readonly outcome: Outcome;
  readonly error: string | undefined;
}

/** The committed offset of one partition, in an answer without an error. */
export interface FetchOffsetOp extends PartitionRef {
  readonly type: 'fetch-offset';
  readonly client: string;
  readonly group: string;
  /** -1: the group has no committed offset for the partition. */
  readonly offset: Offset;
  readonly metadata: string;
  readonly invokedUs: Micros;
  readonly endedUs: Micros;
}

/** An answer of the coordinator that makes a client a member in this generation or member epoch. */
export interface MembershipOp extends MemberRef {
  readonly type: 'membership';
  readonly client: string;
  readonly group: string;
  /**
   * `classic`: a newer generation fences every member of an older one. `consumer` (KIP-848, and groups whose
   * members use both protocols): it does not.
   */
  readonly protocol: 'classic' | 'consumer';
  /** Whether the request asked to join the group (KIP-848). */
  readonly isJoin: boolean;
  /** The assignment in the answer. Undefined: the answer has none, or the members use both protocols. */
  readonly assigned: readonly PartitionRef[] | undefined;
  readonly invokedUs: Micros;
  readonly endedUs: Micros;
}

/** A member of a group gets the records of a partition at offsets from `fetchOffset` to `nextOffset` - 1. */
export interface GroupReadOp extends PartitionRef {
  readonly type: 'group-read';
  readonly client: string;
  readonly group: string;
  readonly fetchOffset: Offset;
  readonly nextOffset: Offset;
  readonly endedUs: Micros;
}

/** An operation on the offsets, the members or the records of a group. */
export type GroupOp = CommitOp | FetchOffsetOp | MembershipOp | GroupReadOp;

export type Op = SendOp | PollOp | AssignOp | AdminOp | DeleteRecordsOp | GroupOp;

/**
 * An idempotent producer got OUT_OF_ORDER_SEQUENCE_NUMBER although all its earlier batches for the partition
 * are acknowledged.
 */
export interface LostSequence extends PartitionRef {
  readonly client: string;
  readonly value: string;
}

/**
 * A client asks to delete the records of a partition below an offset; -1: below the high watermark. From
 * `invokedUs` on a leader may delete these records, even after the operation has ended.
 */
export interface AskedDeletion {
  readonly client: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: Offset;
  readonly invokedUs: Micros;
}

/**
 * A time without faults. All requests that clients sent before `fromUs` have arrived at the brokers by
 * `toUs`.
 */
export interface Peace {
  readonly fromUs: Micros;
  readonly toUs: Micros;
}

/** A consumer got a batch with a wrong checksum. */
export interface DamagedBatch extends PartitionRef {
  readonly client: string;
  readonly offset: Offset;
}

export class History {
  readonly ops: Op[] = [];
  readonly lostSequences: LostSequence[] = [];
  readonly damagedBatches: DamagedBatch[] = [];
  readonly askedDeletions: AskedDeletion[] = [];
  readonly peaces: Peace[] = [];
  /** Called at the end of every operation. */
  readonly watchers: ((op: Op) => void)[] = [];

  sequenceLost(fact: LostSequence): void {
    this.lostSequences.push(fact);
  }

  damaged(fact: DamagedBatch): void {
    this.damagedBatches.push(fact);
  }

  deletionAsked(fact: AskedDeletion): void {
    this.askedDeletions.push(fact);
  }

  peaceOver(fact: Peace): void {
    this.peaces.push(fact);
  }

  add(op: Op): void {
    this.ops.push(op);
    for (const watch of this.watchers) watch(op);
  }
}

/** The client that sent a value. */
export function senderOf(value: string): string {
  return value.slice(0, value.lastIndexOf('-'));
}

/** The number in a value; NaN for a value of another form. */
export function numberOf(value: string): number {
  return Number(value.slice(value.lastIndexOf('-') + 1));
}

/** The offset of the value at this index; undefined: the client does not know it. */
export function offsetIn({ baseOffset }: SendOp, index: number): Offset | undefined {
  return baseOffset === undefined ? undefined : baseOffset + index;
}

/** ` by broker 4`, or nothing when the client does not know the broker. */
export function byBroker(id: NodeId | undefined): string {
  return id === undefined ? '' : ` by broker ${id}`;
}
