/**
 * The leader's side of DeleteRecords: raises the log start offset at once, and settles a deletion when the
 * low watermark has reached its offset. The low watermark is the smallest log start offset of the leader and
 * of the live followers. A follower takes the log start offset of its leader from a fetch response, and
 * reports its own with the next fetch.
 *
 * Invariant: the log start offset never exceeds the high watermark, so no deletion reaches a record that is
 * not committed.
 */
import type { NodeId, Offset } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import type { RecordsDeleted } from '../types.ts';
import type { RemoteReplica } from './high-watermark.ts';
import type { Partition } from './partition.ts';
import type { PartitionPorts } from './ports.ts';

/** DeleteRecords' offset for "up to the high watermark". */
const HIGH_WATERMARK = -1;

export interface DeletionOptions {
  /** False: the result does not wait for followers, nor for a lease. */
  readonly mayWait: boolean;
  readonly clientId: string | null;
}

/** A deletion that waits for followers, or for a lease. Calls `settled` at most once. */
export interface WaitingDeletion {
  /** Call it when the request times out. */
  expire(): void;
  /** Call it when the client is gone: nobody waits for the result. */
  cancel(): void;
}

interface Waiting extends WaitingDeletion {
  readonly offset: Offset;
  settle(result: RecordsDeleted): void;
}

interface Leader {
  readonly partition: Partition;
  readonly remotes: ReadonlyMap<NodeId, RemoteReplica>;
  leaseRenewed(): void;
}

export class RecordDeletions {
  private readonly leader: Leader;
  private readonly ports: PartitionPorts;
  private readonly waiting = new Set<Waiting>();

  constructor(leader: Leader, ports: PartitionPorts) {
    this.leader = leader;
    this.ports = ports;
  }

  /** Number of deletions that wait. */
  get size(): number {
    return this.waiting.size;
  }

  /** The smallest log start offset of the leader and of the live followers; -1: one of them is unknown. */
  get lowWatermark(): Offset {
    let low = this.leader.partition.log.startOffset;
    for (const { brokerId, logStartOffset } of this.leader.remotes.values())
      if (logStartOffset < low && this.ports.isAlive(brokerId)) low = logStartOffset;
    return low;
  }

  /** Deletes the records below `wanted`. Returns undefined if `start` has already called `settled`. */
  start(
    wanted: Offset,
    { mayWait, clientId }: DeletionOptions,
    settled: (result: RecordsDeleted) => void,
  ): WaitingDeletion | undefined {
    const { partition } = this.leader;
    const { log, highWatermark } = partition;
    const offset = wanted === HIGH_WATERMARK ? highWatermark : wanted;
    const refusal = this.refusalOf(offset);
    if (refusal !== undefined) {
      settled(deletionFailure(refusal));
      return undefined;
    }
    const from = log.startOffset;
    log.advanceStartOffset(offset);
    if (log.startOffset > from)
      this.ports.logger.info('records-deleted', { ...partition.facts(), from, to: offset, clientId });
    partition.noticeOffline();
    if (partition.isOffline) {
      settled(deletionFailure(ErrorCode.KAFKA_STORAGE_ERROR));
      return undefined;
    }
    const { lowWatermark } = this;
    if (lowWatermark >= offset && this.ports.holdsLease()) {
      settled({ errorCode: ErrorCode.NONE, lowWatermark });
      return undefined;
    }
    if (mayWait) return this.park(offset, lowWatermark, settled);
    settled({ errorCode: ErrorCode.REQUEST_TIMED_OUT, lowWatermark });
    return undefined;
  }

  private refusalOf(offset: Offset): ErrorCode | undefined {
    const { log, highWatermark } = this.leader.partition;
    if (log.config.isCompacted && !log.config.deletesOldRecords) return ErrorCode.POLICY_VIOLATION;
    return offset < 0 || offset > highWatermark ? ErrorCode.OFFSET_OUT_OF_RANGE : undefined;
  }

  private park(
    offset: Offset,
    lowWatermark: Offset,
    settled: (result: RecordsDeleted) => void,
  ): WaitingDeletion {
    const settle = (result: RecordsDeleted): void => {
      if (this.waiting.delete(deletion)) settled(result);
    };
    const deletion: Waiting = {
      offset,
      settle,
      // As in Kafka, the answer has the low watermark of the moment when the deletion began.
      expire: () => settle({ errorCode: ErrorCode.REQUEST_TIMED_OUT, lowWatermark }),
      cancel: () => this.waiting.delete(deletion),
    };
    this.waiting.add(deletion);
    if (!this.ports.holdsLease()) this.ports.awaitLease(this.leader);
    return deletion;
  }

  /**
   * Settles the deletions whose offset the low watermark has reached. Without a lease, they wait for the next
   * one. Called when a follower reported a new log start offset, or when a registration or the lease changed.
   */
  check(): void {
    if (this.waiting.size === 0) return;
    const { lowWatermark } = this;
    const reached = [...this.waiting].filter(({ offset }) => offset <= lowWatermark);
    if (reached.length === 0) return;
    // Without a lease, another replica may lead, and may still have the records.
    if (!this.ports.holdsLease()) this.ports.awaitLease(this.leader);
    else for (const deletion of reached) deletion.settle({ errorCode: ErrorCode.NONE, lowWatermark });
  }

  /** Called when the leadership ends. Settles every waiting deletion with the error. */
  end(errorCode: ErrorCode): void {
    for (const deletion of [...this.waiting]) deletion.settle(deletionFailure(errorCode));
  }
}

export function deletionFailure(errorCode: ErrorCode): RecordsDeleted {
  return { errorCode, lowWatermark: -1 };
}
