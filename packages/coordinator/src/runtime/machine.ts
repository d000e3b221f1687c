/**
 * The contract between a state machine on an internal topic and the shard that hosts it. A shard hosts one
 * machine for one partition. The shard ends with the leadership in which it began, or before. The runtime
 * knows nothing of groups or transactions.
 *
 * Decide, then replay: a machine changes its durable state only in `replay`. To decide a request, the machine
 * passes records to `ShardPort.write`. The shard calls `replay` for each of them within this call, so the
 * next decision sees them. The shard appends the records at the end of the turn or soon after, in a batch
 * that can also hold other decisions. A machine answers a request only after every record that the answer
 * depends on is committed (`ShardPort.whenCommitted`).
 *
 * If the log refuses a batch whose records were replayed, the shard ends, and a new shard loads the partition
 * again. So the state of a machine is never ahead of the log for long, and needs no rollback.
 */
import type { Millis, WallMillis } from '@millrace/base';
import type { MetadataDelta, MetadataImage } from '@millrace/metadata';
import type { ErrorCode } from '@millrace/protocol';

/**
 * A record of an internal topic. The shard keeps the bytes of a decision until it appends them, so the
 * machine must not change them after `write`.
 */
export interface CoordinatorRecord {
  readonly key: Uint8Array;
  /** Null: a tombstone. */
  readonly value: Uint8Array | null;
}

/**
 * The number of a decision of a shard: each accepted `write` gets the next number. 0 stands for everything
 * that the shard loaded.
 */
export type WriteNumber = number;

/** What a machine may do. */
export interface ShardPort {
  /** The monotonic time, for deadlines. */
  now(): Millis;
  /** The wall clock, for timestamps in records. */
  wallMs(): WallMillis;
  /** The metadata that this broker has applied. */
  image(): MetadataImage;
  /**
   * Accepts records, which reach the log together or not at all, and replays them within this call. NONE:
   * accepted; `lastWrite` is then the number of this decision. No records: NONE, and `lastWrite` stays.
   * Otherwise nothing was replayed: COORDINATOR_NOT_AVAILABLE while the partition is under min ISR or too
   * many bytes wait; UNKNOWN_SERVER_ERROR if the records do not fit into one batch of the topic;
   * NOT_COORDINATOR if the leadership ended. The machine must not write before `loaded`, or within `replay`.
   */
  write(records: readonly CoordinatorRecord[]): ErrorCode;
  /** The number of the last accepted decision. */
  readonly lastWrite: WriteNumber;
  /**
   * Calls `done` once, with
   * - NONE: every decision up to this one is committed, and this broker held its lease. So no other broker
   *   has decided anything since, unless the control stream of this broker broke (docs/groups.md). `done` may
   *   run within this call.
   * - COORDINATOR_NOT_AVAILABLE: the commit did not happen within `offsets.commit.timeout.ms`, but may happen
   *   later; or the log refused the decision.
   * - UNKNOWN_SERVER_ERROR: the log refused the decision.
   * - NOT_COORDINATOR: the shard ended first. The decision may still be committed. After `ended`, `done` runs
   *   within this call.
   */
  whenCommitted(write: WriteNumber, done: (errorCode: ErrorCode) => void): void;
  /**
   * Calls back once, in a later turn. The returned function cancels the call. No call comes after `ended`.
   */
  after(delayMs: Millis, callback: () => void): () => void;
  /**
   * Like `after`, for a slice of long work: all shards together run at most one slice in each turn of the
   * event loop. Without a delay, `slice` may run within this call. The returned function cancels the call. No
   * call comes after `ended`.
   */
  inOwnTurn(delayMs: Millis, slice: () => void): () => void;
}

/**
 * The state machine of one partition of an internal topic. The runtime makes one each time that it loads the
 * partition. If the load does not succeed, the runtime drops the machine without a call.
 */
export interface ShardMachine {
  /**
   * Applies a record. While the shard loads, it is a record of the log; afterwards, a record of a decision.
   * The bytes are valid only during the call. Throws DecodeError if it knows the type of the key and cannot
   * read the record; ignores unknown types. A DecodeError during the load makes the runtime give up the
   * partition for this leadership.
   */
  replay(record: CoordinatorRecord): void;
  /** Every record of the log is replayed and committed. From now on the machine may decide. */
  loaded(): void;
  /**
   * The leadership or the process ended, or the log refused a decision. The shard has called every `done` of
   * `whenCommitted` before. The machine answers every other waiting request with this error. Called once, and
   * only after `loaded`.
   */
  ended(errorCode: ErrorCode): void;
  /** This broker has applied new metadata. Called only between `loaded` and `ended`. */
  metadataChanged(delta: MetadataDelta): void;
}
