/**
 * Decides when a committed offset expires (KIP-211). The owner of the group says which rule holds for the
 * group now. For an offset with an explicit retention time (OffsetCommit 2 to 4), this time counts instead of
 * the broker's retention.
 */
import type { Millis, WallMillis } from '@millrace/base';
import type { CommittedOffset } from './offset-table.ts';

/**
 * The rule of a group.
 *
 * * `never`: a classic group in any state that the other rules do not name.
 * * `since-commit`: the retention counts from the commit. Offsets of topics to which a member subscribes do
 *   not expire. This rule holds for simple groups, Stable classic groups of the protocol type `consumer`, and
 *   KIP-848 groups. It also holds for an Empty classic group that never had a member, or whose record does
 *   not say when it became empty.
 * * `since-empty`: the retention counts from the time when the last member left. This rule holds for the
 *   other Empty classic groups.
 */
export type Expiry =
  | { readonly kind: 'never' }
  | { readonly kind: 'since-commit'; isSubscribed(topic: string): boolean }
  | { readonly kind: 'since-empty'; readonly emptySinceMs: WallMillis };

/** The value of `expireTimestamp` in a record that has no explicit time. */
export const NO_EXPIRE_TIMESTAMP = -1;

export function isExpired(
  offset: CommittedOffset,
  rule: Expiry,
  now: WallMillis,
  retentionMs: Millis,
): boolean {
  if (rule.kind === 'never') return false;
  if (offset.expireTimestamp !== NO_EXPIRE_TIMESTAMP) return now >= offset.expireTimestamp;
  const since = rule.kind === 'since-empty' ? rule.emptySinceMs : offset.commitTimestamp;
  return now - since >= retentionMs;
}

/** The expiry time in the record of a commit. `retentionTimeMs`: from the request; -1 if it names none. */
export function expireTimestamp(retentionTimeMs: Millis, now: WallMillis): WallMillis {
  if (retentionTimeMs === -1) return NO_EXPIRE_TIMESTAMP;
  return Math.max(0, Math.min(Number.MAX_SAFE_INTEGER, now + retentionTimeMs));
}
