/** Where `millrace group reset` moves the committed offsets. */
import { UserError } from '../user-error.ts';

export interface ResetOptions {
  readonly toEarliest?: boolean;
  readonly toLatest?: boolean;
  readonly toCurrent?: boolean;
  readonly toOffset?: number;
  readonly shiftBy?: number;
  readonly byDuration?: string;
  readonly toDatetime?: string;
}

export type ResetTarget =
  | { readonly kind: 'earliest' | 'latest' | 'current' }
  | { readonly kind: 'offset' | 'shift'; readonly offset: number }
  | { readonly kind: 'time'; readonly timestampMs: number };

const WAYS =
  '--to-earliest, --to-latest, --to-offset, --shift-by, --by-duration, --to-datetime or --to-current';

/** Returns the target that the options name. Throws a UserError if they name none, or more than one. */
export function resetTarget(options: ResetOptions, nowMs: number): ResetTarget {
  const targets: ResetTarget[] = [];
  if (options.toEarliest) targets.push({ kind: 'earliest' });
  if (options.toLatest) targets.push({ kind: 'latest' });
  if (options.toCurrent) targets.push({ kind: 'current' });
  if (options.toOffset !== undefined) targets.push({ kind: 'offset', offset: options.toOffset });
  if (options.shiftBy !== undefined) targets.push({ kind: 'shift', offset: options.shiftBy });
  if (options.byDuration !== undefined)
    targets.push({ kind: 'time', timestampMs: since1970(nowMs - durationMs(options.byDuration)) });
  if (options.toDatetime !== undefined)
    targets.push({ kind: 'time', timestampMs: since1970(datetimeMs(options.toDatetime)) });
  const [target] = targets;
  if (target === undefined || targets.length > 1)
    throw new UserError(
      `${target === undefined ? 'no target given' : 'too many targets'}: give one of ${WAYS}`,
    );
  return target;
}

/**
 * Throws a UserError for a negative timestamp, because in ListOffsets a negative timestamp stands for one end
 * of the log.
 */
function since1970(timestampMs: number): number {
  if (timestampMs >= 0) return Math.floor(timestampMs);
  throw new UserError('the time is before 1970: no record is so old; --to-earliest moves to the first one');
}

const UNIT_MS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 } as const;

/** The length of a duration in ISO 8601 (P1DT2H30M), or in the short form 1d2h30m. */
export function durationMs(text: string): number {
  const match = /^(?:P(?=.))?(?:(\d+)D)?(?:T(?=.))?(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?$/i.exec(text);
  const [, days, hours, minutes, seconds] = match ?? [];
  if (match === null || text === '' || [days, hours, minutes, seconds].every((part) => part === undefined))
    throw new UserError(`invalid duration '${text}': expected for example PT1H30M, or 1d, 90m, 30s`);
  const of = (part: string | undefined, unitMs: number) => Number(part ?? 0) * unitMs;
  return of(days, UNIT_MS.d) + of(hours, UNIT_MS.h) + of(minutes, UNIT_MS.m) + of(seconds, UNIT_MS.s);
}

/** The timestamp of a time in ISO 8601. A time without a zone is UTC, as in Kafka's own tool. */
export function datetimeMs(text: string): number {
  const match = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?)?(Z|[+-]\d\d:?\d\d)?$/.exec(text);
  const hasZone = match?.[4] !== undefined;
  const hasTime = match?.[1] !== undefined;
  const timestampMs = Date.parse(hasZone || !hasTime ? text : `${text}Z`);
  const day = text.slice(0, 10);
  // Date.parse reads 31 February as 3 March.
  const isDay = !Number.isNaN(timestampMs) && new Date(`${day}T00:00Z`).toISOString().startsWith(day);
  if (match === null || !isDay)
    throw new UserError(
      `invalid date and time '${text}': expected for example 2026-07-31T09:30:00 (UTC), or with a zone: 2026-07-31T09:30:00+02:00`,
    );
  return timestampMs;
}
