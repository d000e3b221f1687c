/**
 * How many partitions stay with their members in a rebalance that moves no more partitions than it must, and
 * how long the partitions that stay may pause.
 */
import type { EventName } from './variants.ts';

/** The partitions that did not move in the window of an event. */
export interface Kept {
  readonly event: EventName;
  readonly partitions: number;
  /** At least this many partitions must not move. */
  readonly couldStay: number;
  readonly longestMs: number;
}

/**
 * The limit for the pause of a partition that does not move. The limit is twice the longest pause before the
 * event, if that is more.
 */
const GAP_LIMIT_MS = 1500;

/**
 * How many partitions must stay at least, for example 9 of 12 if a fourth member joins. A member that comes
 * back from a pause may get any partition, so `pause` gives 0. `members`: their number before the event.
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
 * A busy machine can cause a pause, or end a session. So a run with such a fault is repeated alone, up to two
 * times. A broker that stops or moves these partitions does so in every try. The other violations of all
 * tries count.
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
