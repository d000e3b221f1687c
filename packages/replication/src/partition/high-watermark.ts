/**
 * A leader's view of its followers, and the calculations on it: the high watermark, and which followers lag.
 * Decides nothing that the controller must confirm.
 */
import type { BrokerEpoch, Millis, NodeId, Offset } from '@millrace/base';

/**
 * A settled item of a fetch session (session-partition.ts): the leader does not record each of its fetches.
 */
export interface QuietFollower {
  /** Ends the quiet time: passes the time of the last fetch to `RemoteReplica.wasQuiet`. */
  touch(): void;
}

/** A follower as its leader sees it. Every leadership creates new objects. */
export class RemoteReplica {
  readonly brokerId: NodeId;
  /**
   * The offset of the follower's last fetch. The follower has everything below this offset, and has synced it
   * if flush.messages=1. -1 until its first fetch in this epoch.
   */
  logEndOffset: Offset = -1;
  logStartOffset: Offset = -1;
  /**
   * The offset from which the leader last sent batches; -1: none yet. A follower that fetches from this
   * offset again may have found the batches corrupt.
   */
  servedOffset: Offset = -1;
  /** The broker epoch of the follower's last fetch; -1 until its first fetch. */
  brokerEpoch: BrokerEpoch = -1;
  /** The latest time at which the follower held everything that the leader had. */
  lastCaughtUpMs: Millis;
  private lastFetchMs: Millis = Number.NEGATIVE_INFINITY;
  /** Set only while the follower's last report is the leader's log end. */
  private quiet: QuietFollower | undefined;
  /** The leader's log end at the follower's last fetch. */
  private lastFetchLeaderEnd: Offset = 0;

  /**
   * At the beginning of a leadership, members of the ISR count as caught up, and all others as never caught
   * up.
   */
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
    this.quiet?.touch();
    // A follower that is always one batch late is in sync although it never reaches the leader's log end. So
    // compare with the log end that the leader had at the previous fetch. If the follower has reached that
    // offset now, it counts as caught up at the time of the previous fetch.
    if (fetch.fetchOffset >= fetch.leaderEnd) this.lastCaughtUpMs = Math.max(this.lastCaughtUpMs, fetch.now);
    else if (fetch.fetchOffset >= this.lastFetchLeaderEnd)
      this.lastCaughtUpMs = Math.max(this.lastCaughtUpMs, this.lastFetchMs);
    this.logEndOffset = fetch.fetchOffset;
    this.logStartOffset = fetch.logStartOffset;
    this.brokerEpoch = fetch.brokerEpoch;
    this.lastFetchLeaderEnd = fetch.leaderEnd;
    this.lastFetchMs = fetch.now;
  }

  /**
   * Called when the follower holds everything that the leader has. Until someone calls `quiet.touch`, each
   * fetch of the follower's session reports the same offsets again, and the leader need not call
   * `recordFetch`.
   */
  becameQuiet(quiet: QuietFollower): void {
    this.quiet?.touch();
    this.quiet = quiet;
  }

  /** Ends the quiet time. At its last fetch (`lastFetchMs`) the follower held everything the leader had. */
  wasQuiet(lastFetchMs: Millis): void {
    this.quiet = undefined;
    this.lastCaughtUpMs = Math.max(this.lastCaughtUpMs, lastFetchMs);
    this.lastFetchMs = Math.max(this.lastFetchMs, lastFetchMs);
  }

  isCaughtUp(leaderEnd: Offset, now: Millis, lagTimeMaxMs: Millis): boolean {
    return this.logEndOffset === leaderEnd || now - this.lastCaughtUpMs <= lagTimeMaxMs;
  }
}

/**
 * Returns the smallest log end of these replicas: the leader, the members of the maximal ISR, and the
 * eligible replicas that keep up. The leader's log end is `ownEnd`: the end of what it has written or, with
 * flush.messages=1, has synced. The eligible replicas are about to join the ISR. If the high watermark did
 * not wait for them, they might never reach it. The result is never below `current`.
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

/** Returns the members of the ISR that were last caught up longer ago than the lag time. */
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
