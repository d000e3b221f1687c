/** Which partitions stay in a rebalance that moves no more than it must, and how long they pause. */
import type { EventName } from './variants.ts';

/** The partitions that did not move in the window of an event. */
export interface Kept {
  readonly event: EventName;
  readonly partitions: number;
  /** The number that must stay at least. */
  readonly couldStay: number;
  readonly longestMs: number;
}

/**
 * A partition that does not move may stand still for this long, or for twice the longest quiet pause if that
 * is more.
 */
const GAP_LIMIT_MS = 1500;

/**
 * The least number of partitions that must stay, for example 9 of 12 when a fourth member joins. A member
 * that comes back from a pause may get any partition, so the number is 0 there. `members`: before the event.
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
 * A busy machine can cause a pause, or end a session. So a run with such a fault is repeated alone. A broker
 * that stops or moves these partitions does so each time. The other violations of every try count.
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
