/**
 * Keeps the last rebalances of each group of a shard, so that a person can find out why a group rebalanced.
 */
import type { Millis, WallMillis } from '@millrace/base';
import { shortened } from '../limits.ts';

export interface PastRebalance {
  readonly atMs: WallMillis;
  /** Classic: the generation that the rebalance ended. KIP-848: the group epoch that the rebalance began. */
  readonly epoch: number;
  readonly cause: string;
  /** The member that caused the rebalance; empty strings if no member did. */
  readonly memberId: string;
  readonly clientId: string;
  readonly clientHost: string;
  /** The reason that the client gave. */
  readonly reason?: string | undefined;
  /** The timeout that ran out, if one caused the rebalance. */
  readonly afterMs?: Millis | undefined;
}

/** The most rebalances that a group keeps. */
const KEPT_MAX = 100;
/** Each group may keep this many, however many groups the shard has. 100 rebalances take about 30 KB. */
const KEPT_MIN = 10;
/** Between KEPT_MIN and KEPT_MAX, the groups of the shard share this number of rebalances in equal parts. */
const KEPT_TOTAL = 10_000;

export class RebalanceHistory {
  private readonly byGroup = new Map<string, PastRebalance[]>();

  /** Adds a rebalance. Shortens long texts, because clients choose the texts. */
  note(groupId: string, told: PastRebalance): void {
    const rebalance = {
      ...told,
      memberId: shortened(told.memberId),
      clientId: shortened(told.clientId),
      ...(typeof told.reason === 'string' ? { reason: shortened(told.reason) } : {}),
    };
    const past = this.byGroup.get(groupId);
    if (past === undefined) this.byGroup.set(groupId, [rebalance]);
    else {
      past.push(rebalance);
      if (past.length > this.kept) past.splice(0, past.length - this.kept);
    }
  }

  /**
   * The most rebalances that a group keeps now. A group with more forgets the oldest at its next rebalance.
   */
  private get kept(): number {
    const share = Math.floor(KEPT_TOTAL / this.byGroup.size);
    return Math.min(KEPT_MAX, Math.max(KEPT_MIN, share));
  }

  /** Oldest first. */
  of(groupId: string): readonly PastRebalance[] {
    return this.byGroup.get(groupId) ?? [];
  }

  /**
   * Call it when the group has changed its type. Restores the rebalances that `of` returned before the
   * change.
   */
  restore(groupId: string, past: readonly PastRebalance[]): void {
    if (past.length > 0) this.byGroup.set(groupId, [...past]);
  }

  forget(groupId: string): void {
    this.byGroup.delete(groupId);
  }
}
