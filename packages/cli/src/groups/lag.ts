/**
 * For each partition of a group: how many records the group has not committed yet, and which member reads the
 * partition.
 */
import {
  type CommittedOffset,
  type GroupDescription,
  type MemberDescription,
  OffsetAt,
  type OffsetFound,
  partitionName,
  sorted,
  type TopicPartition,
} from '@millrace/client';
import { type KafkaCluster, type LookedUp, promised } from '@millrace/client/io';

export interface PartitionLag extends TopicPartition {
  /** Null: the group has committed no offset for the partition. */
  readonly committed: number | null;
  /** The high watermark. Null: it is not known, and `error` says why. */
  readonly end: number | null;
  /** Why the high watermark is not known; null: it is known. */
  readonly error: string | null;
  /** Records that the group has not committed yet. Null: `committed` or `end` is not known. */
  readonly lag: number | null;
  /** The member that reads the partition; null: no member reads it. */
  readonly member: MemberDescription | null;
}

/** The report waits at most this long for the end of a partition that has no leader. */
const ENDS_TIMEOUT_MS = 3_000;

export interface GroupState {
  readonly group: GroupDescription;
  readonly partitions: readonly PartitionLag[];
}

/** Asks for the group's members, its committed offsets and the ends of its partitions. */
export async function groupState(
  cluster: KafkaCluster,
  groupId: string,
  includeRebalances = false,
): Promise<GroupState> {
  const what = `group '${groupId}' cannot be described`;
  const group = await promised<GroupDescription>(what, (done) =>
    cluster.groups.describe(groupId, done, includeRebalances),
  );
  const committed = await promised<readonly CommittedOffset[]>(what, (done) =>
    cluster.groups.listOffsets(groupId, null, done),
  );
  const assigned = group.members.flatMap(({ assignment }) => assignment);
  const all = new Map([...committed, ...assigned].map((one) => [partitionName(one), one]));
  const places = [...all.values()].map(({ topic, partition }) => ({ topic, partition }));
  const { found, failed } = await endsOf(cluster, places);
  return { group, partitions: lagsOf(group, places, committed, found, failed) };
}

/** The ends of the partitions that exist. */
async function endsOf(cluster: KafkaCluster, places: readonly TopicPartition[]): Promise<LookedUp> {
  const names = [...new Set(places.map(({ topic }) => topic))];
  const topics = await cluster.describe(names, false);
  const wanted = places
    .filter(({ topic, partition }) => partition < (topics.get(topic)?.partitions.length ?? 0))
    .map((place) => ({ ...place, timestamp: OffsetAt.LATEST }));
  if (wanted.length === 0) return { found: [], failed: new Map() };
  return cluster.lookUp(wanted, Math.min(cluster.timeoutMs, ENDS_TIMEOUT_MS));
}

/** The lag of each partition, sorted by topic and partition. */
export function lagsOf(
  { members }: Pick<GroupDescription, 'members'>,
  places: readonly TopicPartition[],
  committed: readonly CommittedOffset[],
  ends: readonly OffsetFound[],
  failed: ReadonlyMap<string, string> = new Map(),
): PartitionLag[] {
  const committedAt = new Map(committed.map((one) => [partitionName(one), one.offset]));
  const endAt = new Map(ends.map((one) => [partitionName(one), one.offset]));
  const readers = new Map(
    members.flatMap((member) => member.assignment.map((one) => [partitionName(one), member] as const)),
  );
  return sorted(places).map(({ topic, partition }) => {
    const name = partitionName({ topic, partition });
    const offset = committedAt.get(name) ?? null;
    const end = endAt.get(name) ?? null;
    const lag = offset === null || end === null ? null : Math.max(0, end - offset);
    const error = end === null ? (failed.get(name) ?? 'the partition does not exist') : null;
    return { topic, partition, committed: offset, end, error, lag, member: readers.get(name) ?? null };
  });
}

/** The sum of the known lags. */
export function totalLag(partitions: readonly PartitionLag[]): number {
  return partitions.reduce((sum, { lag }) => sum + (lag ?? 0), 0);
}
