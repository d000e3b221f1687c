/**
 * Judges the partitions that stay with their members in a rebalance. A rebalance must not move more
 * partitions than necessary, and the partitions that stay must not pause for long.
 */
import type { EventName } from './variants.ts';

/** What the test measured about the partitions that did not move in the window of an event. */
export interface Kept {
  readonly event: EventName;
  readonly partitions: number;
  /** The number of partitions that had to stay at least (`couldStay`). */
  readonly couldStay: number;
  readonly longestMs: number;
}

/**
 * The longest pause that a partition may have if it does not move. If twice the longest pause before the
 * event is more, that is the limit.
 */
const GAP_LIMIT_MS = 1500;

/**
 * The number of partitions that must stay at least, for example 9 of 12 if a fourth member joins. A member
 * that comes back from a pause may get any partition, so the result for `pause` is 0. `members`: the number
 * of members before the event.
 */
export function couldStay(event: EventName, members: number, partitions: number): number {
  switch (event) {
    case 'join':
      return Math.floor((partitions * members) / (members + 1));
    case 'leave':
    case 'kill':
    case 'static':
      return partitions - Math.ceil(partitions / members);
    case 'grow':
      return partitions;
    default:
      return 0;
  }
}

export function movedFault(kept: readonly Kept[]): string | undefined {
  for (const { event, partitions, couldStay: wanted } of kept)
    if (partitions < wanted) return `${event}: ${partitions} partitions did not move; ${wanted} could stay`;
  return undefined;
}

export function pauseFault(kept: readonly Kept[], quietGapMs: number): string | undefined {
  const limit = Math.max(GAP_LIMIT_MS, 2 * quietGapMs);
  for (const { longestMs } of kept) {
    if (longestMs > limit)
      return `partitions that did not move stood still for ${longestMs} ms; the limit is ${limit} ms`;
  }
  return undefined;
}

const TRIES = 3;

/**
 * Repeats a run that has a fault of `fault`, up to two times. `again` runs the group alone. A busy machine
 * can cause such a fault once, because it can cause a pause or end a session. A broker that stops or moves
 * partitions without need does so in every try. The other violations of all tries count.
 */
export async function repeated<O extends { readonly violations: readonly string[] }>(
  first: O,
  fault: (outcome: O) => string | undefined,
  again: (fault: string) => Promise<O>,
): Promise<O> {
  let outcome = first;
  for (let tries = 1; tries < TRIES; tries++) {
    const found = fault(outcome);
    if (found === undefined) break;
    const next = await again(found);
    outcome = { ...next, violations: [...outcome.violations, ...next.violations] };
  }
  return outcome;
}
