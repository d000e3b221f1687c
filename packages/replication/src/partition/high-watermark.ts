/**
 * What a leader knows of its followers, and the arithmetic over it: high watermark, who lags, who may join.
 * Pure: it decides nothing that the controller must confirm.
 */
import type { BrokerEpoch, Millis, NodeId, Offset } from '@millrace/base';

/** A follower as its leader sees it. Born anew with every change of leadership. */
export class RemoteReplica {
  readonly brokerId: NodeId;
  /**
   * Next offset it asked for: it holds (and with flush.messages=1 has synced) all before. -1 until its first
   * fetch in this epoch.
   */
  logEndOffset: Offset = -1;
  logStartOffset: Offset = -1;
  /**
   * From where it was given batches last; -1: nothing yet. Asking for them again, it may have found them
   * damaged.
   */
  servedOffset: Offset = -1;
  /** Registration it fetched under; -1 until its first fetch. */
  brokerEpoch: BrokerEpoch = -1;
  /** The latest time at which it is known to have held everything the leader had. */
  lastCaughtUpMs: Millis;
  private lastFetchMs: Millis = Number.NEGATIVE_INFINITY;
  /** The leader's end when it fetched last. */
  private lastFetchLeaderEnd: Offset = 0;

  /** Members of the ISR count as caught up when a leadership begins, others as never. */
  constructor(brokerId: NodeId, lastCaughtUpMs: Millis) {
    this.brokerId = brokerId;
    this.lastCaughtUpMs = lastCaughtUpMs;
  }

  recordFetch(fetch: {
    fetchOffset: Offset;
    logStartOffset: Offset;
    brokerEpoch: BrokerEpoch;
    leaderEnd: Offset;
    now: Millis;
  }): void {
    // It may stay behind for ever and yet be in sync, always one batch late: reaching where the leader was at
    // its previous fetch counts, as of that fetch.
    if (fetch.fetchOffset >= fetch.leaderEnd) this.lastCaughtUpMs = Math.max(this.lastCaughtUpMs, fetch.now);
    else if (fetch.fetchOffset >= this.lastFetchLeaderEnd)
      this.lastCaughtUpMs = Math.max(this.lastCaughtUpMs, this.lastFetchMs);
    this.logEndOffset = fetch.fetchOffset;
    this.logStartOffset = fetch.logStartOffset;
    this.brokerEpoch = fetch.brokerEpoch;
    this.lastFetchLeaderEnd = fetch.leaderEnd;
    this.lastFetchMs = fetch.now;
  }

  isCaughtUp(leaderEnd: Offset, now: Millis, lagTimeMaxMs: Millis): boolean {
    return this.logEndOffset === leaderEnd || now - this.lastCaughtUpMs <= lagTimeMaxMs;
  }
}

/**
 * The smallest end among the leader (`ownEnd`: what it has written, or synced where that is promised), the
 * maximal ISR and those about to join: eligible replicas that keep up. The last are waited for so that they
 * need not chase a moving high watermark. Never below `current`.
 */
export function nextHighWatermark(input: {
  readonly current: Offset;
  readonly ownEnd: Offset;
  readonly leaderEnd: Offset;
  readonly maximalIsr: readonly NodeId[];
  readonly remotes: Iterable<RemoteReplica>;
  readonly isEligible: (replica: RemoteReplica) => boolean;
  readonly now: Millis;
  readonly lagTimeMaxMs: Millis;
}): Offset {
  let end = input.ownEnd;
  for (const remote of input.remotes) {
    if (remote.logEndOffset >= end) continue;
    const counts =
      input.maximalIsr.includes(remote.brokerId) ||
      (remote.logEndOffset >= 0 &&
        remote.isCaughtUp(input.leaderEnd, input.now, input.lagTimeMaxMs) &&
        input.isEligible(remote));
    if (counts) end = remote.logEndOffset;
  }
  return Math.max(end, input.current);
}

/** Members of the ISR that have not been caught up for longer than the lag time. */
export function laggingReplicas(input: {
  readonly isr: readonly NodeId[];
  readonly remotes: ReadonlyMap<NodeId, RemoteReplica>;
  readonly leaderEnd: Offset;
  readonly now: Millis;
  readonly lagTimeMaxMs: Millis;
}): NodeId[] {
  return input.isr.filter((brokerId) => {
    const remote = input.remotes.get(brokerId);
    return remote !== undefined && !remote.isCaughtUp(input.leaderEnd, input.now, input.lagTimeMaxMs);
  });
}
