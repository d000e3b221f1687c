/**
 * The contract between a state machine on an internal topic and the shard that hosts it. A shard hosts one
 * machine for one partition. The shard ends with the leadership in which it began, or earlier. The code of
 * the runtime does not depend on groups or transactions.
 *
 * Decide, then replay: a machine changes its durable state only in `replay`. To decide a request, the machine
 * passes records to `ShardPort.write`. Within this call the shard calls `replay` for each record, so that the
 * next decision sees the records. The shard appends the records at the end of the turn or soon after, in a
 * batch that can also have other decisions. A machine answers a request only when every record that the
 * answer depends on is committed (`ShardPort.whenCommitted`).
 *
 * The machine has replayed the records of a batch before the log gets the batch. If the log then refuses the
 * batch, the shard ends, and a new shard with a new machine loads the partition again. So a machine never has
 * to undo a replay.
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
 * The number of a decision of a shard. Each accepted `write` gets the next number, beginning with 1. 0 stands
 * for the records that the shard loaded.
 */
export type WriteNumber = number;

/** The interface through which a machine uses its shard. */
export interface ShardPort {
  /** The monotonic time, for deadlines. */
  now(): Millis;
  /** The wall clock, for timestamps in records. */
  wallMs(): WallMillis;
  /** The metadata that this broker has applied. */
  image(): MetadataImage;
  /**
   * Makes a decision: accepts records, and replays them within this call. The records reach the log together
   * or not at all. The machine must not write before `loaded`, or within `replay`. Returns
   * - NONE: the shard accepted the records, and `lastWrite` is the number of this decision. If there are no
   *   records, `lastWrite` does not change.
   * - COORDINATOR_NOT_AVAILABLE: the ISR is smaller than min ISR, or too many bytes are not committed.
   * - UNKNOWN_SERVER_ERROR: the records do not fit into one batch of the topic.
   * - NOT_COORDINATOR: the leadership ended.
   *
   * After an error, nothing was replayed.
   */
  write(records: readonly CoordinatorRecord[]): ErrorCode;
  /** The number of the last accepted decision. */
  readonly lastWrite: WriteNumber;
  /**
   * Calls `done` once, with
   * - NONE: every decision up to `write` is committed, and this broker holds its lease. So no other broker
   *   has made a decision for this partition since, unless the control stream of this broker broke
   *   (docs/groups.md). `done` may run within this call.
   * - COORDINATOR_NOT_AVAILABLE: the decision was not committed within `offsets.commit.timeout.ms`, but may
   *   be committed later; or the log refused the decision.
   * - UNKNOWN_SERVER_ERROR: the log refused the decision.
   * - NOT_COORDINATOR: the shard ended before the commit. The decision may still be committed. If the shard
   *   has already ended, `done` runs within this call.
   */
  whenCommitted(write: WriteNumber, done: (errorCode: ErrorCode) => void): void;
  /**
   * Calls `callback` once, after `delayMs`, in a later turn. The returned function cancels the call. After
   * `ended`, the shard makes no such call.
   */
  after(delayMs: Millis, callback: () => void): () => void;
  /**
   * Like `after`, for a slice of long work: all shards of the runtime together run at most one slice in each
   * turn of the event loop. If `delayMs` is 0, `slice` may run within this call. The returned function
   * cancels the call. After `ended`, the shard makes no such call.
   */
  inOwnTurn(delayMs: Millis, slice: () => void): () => void;
}

/**
 * The state machine of one partition of an internal topic. The runtime makes a new machine whenever it loads
 * the partition. If the load does not succeed, the runtime drops the machine and calls neither `loaded` nor
 * `ended`.
 */
export interface ShardMachine {
  /**
   * Applies a record. While the shard loads, the record comes from the log; afterwards, it comes from a
   * decision. The bytes are valid only during the call. Throws DecodeError if it knows the type of the key
   * but cannot read the record. Ignores records with a key of an unknown type. After a DecodeError during the
   * load, the runtime does not load the partition again in this leadership.
   */
  replay(record: CoordinatorRecord): void;
  /** Every record of the log is replayed and committed. From now on the machine may decide. */
  loaded(): void;
  /**
   * Called once, when the leadership or the process ends, or when the log refuses a decision; but only if
   * `loaded` was called. Before this call, the shard calls every waiting `done` of `whenCommitted`. The
   * machine then answers every other waiting request with this error.
   */
  ended(errorCode: ErrorCode): void;
  /** This broker has applied new metadata. Called only between `loaded` and `ended`. */
  metadataChanged(delta: MetadataDelta): void;
}
