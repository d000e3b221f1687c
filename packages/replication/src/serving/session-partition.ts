/**
 * One partition of a fetch session (KIP-227), as the leader sees it: the reader's fetch item, the offsets
 * that the leader last sent, and whether the next fetch of the session must visit the partition.
 *
 * An item is either touched or settled. The leader visits only the touched items of a session, so the work of
 * a fetch depends on what changed. Invariant: an item is touched if a visit would add something to the
 * answer, or would do more than note the time of the fetch. An item settles when a visit finds that its
 * reader already knows everything. A follower's item settles only while the follower is in the ISR and has
 * reported the log's end. Each of these events touches a settled item:
 * - the reader changes the item, or something about itself (`FetchSession.begin`);
 * - the leader appends (for a follower's item), or the high watermark moves;
 * - the log start moves, or the ISR changes;
 * - the leadership ends, the replica's disk fails, or this broker no longer hosts the replica.
 *
 * An item does not settle while its partition has an error, a divergence or more bytes to read.
 *
 * A follower that keeps fetching stays caught up on its settled partitions, too. The session notes the time
 * of the follower's last fetch once for all of them. `touch` passes this time to the follower's
 * `RemoteReplica`.
 */
import type { LeaderEpoch, Millis, Offset, Uuid } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import type { QuietFollower, RemoteReplica } from '../partition/high-watermark.ts';
import type { Partition } from '../partition/partition.ts';
import type { FetchWaiter } from '../partition/ports.ts';
import type { FetchItem } from '../types.ts';
import type { FetchedPartition, Reader } from './fetch-read.ts';

/** What a SessionPartition needs of its session. */
export interface PartitionHolder {
  /** The reader of the latest request. */
  readonly reader: Reader;
  /** Whether the reports of the latest request count. */
  readonly reports: boolean;
  /** The time of the last request whose reports counted. */
  readonly lastReportMs: Millis;
  /** Called when the next fetch of the session must visit the partition. */
  touched(item: SessionPartition): void;
  readonly parked: ReadonlySet<FetchWaiter>;
  /** Notifies the parked fetches. */
  notify(sizeBytes: number): void;
}

export class SessionPartition implements FetchItem, FetchWaiter, QuietFollower {
  readonly key: string;
  readonly topic: string;
  readonly topicId: Uuid;
  readonly partition: number;
  fetchOffset: Offset = 0;
  currentLeaderEpoch: LeaderEpoch = -1;
  lastFetchedEpoch: LeaderEpoch = -1;
  logStartOffset: Offset = -1;
  partitionMaxBytes = 0;
  /** The high watermark that the leader last sent. -1: the next response sends it again. */
  toldHighWatermark: Offset = -1;
  toldLogStart: Offset = -1;
  /** The place in the order of the session: a fetch reads lower positions first. */
  position: number;
  private readonly holder: PartitionHolder;
  /** The hosted partition of the last visit. The item is one of its waiters. */
  private bound: Partition | undefined;
  private isSettled = false;
  /** The follower, while the item is settled. */
  private remote: RemoteReplica | undefined;
  /** True if the session is over, or the reader forgot the partition. */
  private isOver = false;

  constructor(holder: PartitionHolder, o: { readonly key: string; position: number }, item: FetchItem) {
    this.holder = holder;
    this.key = o.key;
    this.position = o.position;
    this.topic = item.topic;
    this.topicId = item.topicId;
    this.partition = item.partition;
    this.update(item);
  }

  get isFollower(): boolean {
    return this.holder.reader.isFollower;
  }

  update(item: FetchItem): void {
    this.touch();
    // The reader may have ignored a response that it got in another epoch. So send the high watermark again.
    if (item.currentLeaderEpoch !== this.currentLeaderEpoch) this.toldHighWatermark = -1;
    this.fetchOffset = item.fetchOffset;
    this.currentLeaderEpoch = item.currentLeaderEpoch;
    this.lastFetchedEpoch = item.lastFetchedEpoch;
    this.logStartOffset = item.logStartOffset;
    this.partitionMaxBytes = item.partitionMaxBytes;
  }

  /** Stores the offsets of a response. Returns whether an incremental response must include the partition. */
  tell(fetched: FetchedPartition): boolean {
    if (fetched.errorCode !== ErrorCode.NONE) {
      this.toldHighWatermark = -1;
      return true;
    }
    const isNews =
      fetched.sizeBytes > 0 ||
      fetched.divergingEpoch !== undefined ||
      fetched.highWatermark !== this.toldHighWatermark ||
      fetched.logStartOffset !== this.toldLogStart;
    this.toldHighWatermark = fetched.divergingEpoch === undefined ? fetched.highWatermark : -1;
    this.toldLogStart = fetched.logStartOffset;
    return isNews;
  }

  // ------------------------------------------------------------------ touched or settled

  /** Called at each visit: changes of this partition touch the item from now on. */
  bind(partition: Partition | undefined): void {
    if (partition === this.bound || this.isOver) return;
    this.bound?.waiters.delete(this);
    this.bound = partition;
    partition?.waiters.add(this);
  }

  /**
   * Called when a visit found nothing to read and nothing to tell. Returns whether the session may skip the
   * partition until something touches it.
   */
  settle(): boolean {
    const { bound, isFollower } = this;
    if (bound === undefined || this.isOver) return false;
    if (isFollower) {
      const remote = this.idleRemote(bound);
      if (remote === undefined) return false;
      remote.becameQuiet(this);
      this.remote = remote;
    }
    this.isSettled = true;
    return true;
  }

  /**
   * Returns the follower, if another report of the same item would change only the time of its last fetch.
   * Otherwise returns undefined.
   */
  private idleRemote(partition: Partition): RemoteReplica | undefined {
    const { reader, reports } = this.holder;
    const remote = partition.leadership?.remotes.get(reader.replicaId);
    const isRecorded =
      reports &&
      this.currentLeaderEpoch === partition.leaderEpoch &&
      remote?.brokerEpoch === reader.replicaEpoch &&
      remote.logEndOffset === this.fetchOffset &&
      remote.logStartOffset === this.logStartOffset;
    const isIdle = this.fetchOffset === partition.log.endOffset && partition.isr.includes(reader.replicaId);
    return isRecorded && isIdle ? remote : undefined;
  }

  touch(): void {
    const { remote } = this;
    if (!this.isSettled) return;
    this.isSettled = false;
    this.remote = undefined;
    remote?.wasQuiet(this.holder.lastReportMs);
    if (!this.isOver) this.holder.touched(this);
  }

  notify(sizeBytes: number): void {
    this.touch();
    // Without a parked fetch, the reader may be gone for good, so the partition need not notify the item. The
    // next fetch visits the partition and binds the item again.
    if (this.holder.parked.size === 0) this.bind(undefined);
    else this.holder.notify(sizeBytes);
  }

  /** Unbinds the item for good: the session is over, or the reader forgot the partition. */
  end(): void {
    this.isOver = true;
    this.touch();
    this.bound?.waiters.delete(this);
    this.bound = undefined;
  }
}
