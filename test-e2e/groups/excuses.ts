/**
 * An excuse names checks of the judge that a client fails because of its own behaviour, whatever the broker
 * does. variants.ts lists the excuses.
 */
import type { CheckName } from './judge.ts';
import type { MemberLine } from './member-lines.ts';
import type { EventName } from './variants.ts';

export interface Excuse {
  /** The judge's checks that the client also fails against Apache Kafka. */
  readonly checks: readonly CheckName[];
  /** The excuse counts only in runs with this event. Undefined: it counts in all runs. */
  readonly at?: EventName;
  /** The excuse counts only if a member printed an error or a failed commit with this text. */
  readonly after: string;
  readonly reason: string;
}

/**
 * Returns the checks that the judge leaves out for a run with these events, if the members printed these
 * lines.
 */
export function excusedChecks(
  excuses: readonly Excuse[],
  events: readonly EventName[],
  lines: readonly MemberLine[],
): CheckName[] {
  return excuses
    .filter(({ at }) => at === undefined || events.includes(at))
    .filter(({ after }) => lines.some((line) => messageOf(line)?.includes(after)))
    .flatMap(({ checks }) => checks);
}

function messageOf(line: MemberLine): string | undefined {
  return line.e === 'error' || line.e === 'commit' ? line.m : undefined;
}
