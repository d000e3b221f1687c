/**
 * Computes the new offsets of a reset, and changes nothing. So a dry run shows exactly what `--execute`
 * commits.
 */
import { type CommittedOffset, partitionName, sorted, type TopicPartition } from '@millrace/client';
import { UserError } from '../user-error.ts';
import type { ResetTarget } from './reset-target.ts';

export interface PlannedOffset extends TopicPartition {
  /** Null: the group has committed no offset for the partition. */
  readonly before: number | null;
  readonly after: number;
  /** The offset that the user asked for, if the log does not have it. */
  readonly clippedFrom: number | undefined;
}

/** Offsets by `topic-partition`. */
export interface Ends {
  readonly earliest: ReadonlyMap<string, number>;
  readonly latest: ReadonlyMap<string, number>;
  /** The offset of the first record at or after the timestamp; -1: all records are older. */
  readonly atTime: ReadonlyMap<string, number>;
}

/**
 * Computes the new offset of each partition. Throws a UserError for a shift if the group has committed no
 * offset for a partition.
 */
export function planReset(
  target: ResetTarget,
  places: readonly TopicPartition[],
  committed: readonly CommittedOffset[],
  { earliest, latest, atTime }: Ends,
): PlannedOffset[] {
  const before = new Map(committed.map((one) => [partitionName(one), one.offset]));
  const uncommitted = places.filter((place) => !before.has(partitionName(place)));
  if (target.kind === 'shift' && uncommitted.length > 0)
    throw new UserError(
      `the group has no committed offset to shift in ${uncommitted.map(partitionName).join(', ')}`,
    );
  return sorted(places).map(({ topic, partition }) => {
    const name = partitionName({ topic, partition });
    const first = earliest.get(name)!;
    const end = latest.get(name)!;
    const old = before.get(name) ?? null;
    const wanted = wantedOffset(target, { first, end, old, atTime: atTime.get(name) ?? -1 });
    const after = Math.min(Math.max(wanted, first), end);
    const clippedFrom = after === wanted ? undefined : wanted;
    return { topic, partition, before: old, after, clippedFrom };
  });
}

function wantedOffset(
  target: ResetTarget,
  { first, end, old, atTime }: { first: number; end: number; old: number | null; atTime: number },
): number {
  switch (target.kind) {
    case 'earliest':
      return first;
    case 'latest':
      return end;
    case 'current':
      return old ?? end;
    case 'offset':
      return target.offset;
    case 'shift':
      return old! + target.offset;
    default:
      return atTime < 0 ? end : atTime;
  }
}
