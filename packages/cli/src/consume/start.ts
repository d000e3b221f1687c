/** Where `millrace consume` begins and ends in each partition (-o). */
import { OffsetAt, partitionName, type StartPosition, type TopicPartition } from '@millrace/client';
import type { KafkaCluster } from '@millrace/client/io';
import { offsetsAt } from '../offsets-at.ts';
import { UserError } from '../user-error.ts';

export type Start =
  | { readonly kind: 'beginning' | 'end' }
  /** Negative: this many records before the end. */
  | { readonly kind: 'offset'; readonly offset: number }
  | { readonly kind: 'time'; readonly timestampMs: number };

export interface Range {
  readonly start: Start;
  /** Undefined: there is no end, or --exit sets the end. */
  readonly endMs: number | undefined;
}

/** Reads the values of -o. */
export function parseRange(texts: readonly string[]): Range {
  let start: Start | undefined;
  let endMs: number | undefined;
  for (const text of texts) {
    const time = /^([se])@(\d+)$/.exec(text);
    if (time?.[1] === 'e') {
      if (endMs !== undefined) throw new UserError('-o e@MS is given twice');
      endMs = wholeNumber(text, time[2]!);
      continue;
    }
    if (start !== undefined) throw new UserError(`-o has two starts: the second one is '${text}'`);
    if (time !== null) start = { kind: 'time', timestampMs: wholeNumber(text, time[2]!) };
    else if (/^-?\d+$/.test(text)) start = { kind: 'offset', offset: wholeNumber(text, text) };
    else if (text === 'beginning' || text === 'end') start = { kind: text };
    else
      throw new UserError(
        `invalid -o '${text}': expected beginning, end, N, -N, s@MS or e@MS (milliseconds since 1970)`,
      );
  }
  return { start: start ?? { kind: 'beginning' }, endMs };
}

function wholeNumber(text: string, digits: string): number {
  const value = Number(digits);
  if (Number.isSafeInteger(value)) return value;
  throw new UserError(`invalid -o '${text}': the number is larger than ${Number.MAX_SAFE_INTEGER}`);
}

export interface PartitionRange extends TopicPartition {
  readonly start: number;
  /** Undefined: endless. */
  readonly end: number | undefined;
  /** The offset that the user asked for, if the log does not have it. */
  readonly clippedFrom: number | undefined;
}

/**
 * Looks up where to begin and end in each partition. `exits`: without an end time, each partition ends at its
 * current end.
 */
export async function rangesOf(
  cluster: KafkaCluster,
  places: readonly TopicPartition[],
  { start, endMs }: Range,
  exits: boolean,
): Promise<PartitionRange[]> {
  const first = await offsetsAt(cluster, places, OffsetAt.EARLIEST);
  const last = await offsetsAt(cluster, places, OffsetAt.LATEST);
  const from = start.kind === 'time' ? await offsetsAt(cluster, places, start.timestampMs) : undefined;
  const to = endMs === undefined ? undefined : await offsetsAt(cluster, places, endMs);
  return places.map(({ topic, partition }) => {
    const name = partitionName({ topic, partition });
    const earliest = first.get(name)!;
    const latest = last.get(name)!;
    const wanted = startIn(start, earliest, latest, from?.get(name));
    const begin = Math.min(Math.max(wanted, earliest), latest);
    // Only an offset that the user gave is reported as clipped. The option -N asks for at most N records, so
    // clipping its start is no surprise.
    const isClipped = begin !== wanted && start.kind === 'offset' && start.offset >= 0;
    const stop = to?.get(name) ?? -1;
    const end = stop >= 0 ? stop : exits || endMs !== undefined ? latest : undefined;
    return { topic, partition, start: begin, end, clippedFrom: isClipped ? wanted : undefined };
  });
}

function startIn(start: Start, earliest: number, latest: number, atTime: number | undefined): number {
  switch (start.kind) {
    case 'beginning':
      return earliest;
    case 'end':
      return latest;
    case 'offset':
      return start.offset < 0 ? latest + start.offset : start.offset;
    default:
      return atTime === undefined || atTime < 0 ? latest : atTime;
  }
}

export function startsOf(ranges: readonly PartitionRange[]): StartPosition[] {
  return ranges.map(({ topic, partition, start }) => ({ topic, partition, start }));
}
