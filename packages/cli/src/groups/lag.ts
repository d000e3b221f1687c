/** How far a group is behind in each partition, and which member reads it. */
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
import { type KafkaCluster, promised } from '@millrace/client/io';

export interface PartitionLag extends TopicPartition {
  /** Null: the group has committed nothing there. */
  readonly committed: number | null;
  /** The high watermark. Null: the leader does not answer, or the topic no longer exists. */
  readonly end: number | null;
  /** Records that the group has not committed yet. Null: `committed` or `end` is not known. */
  readonly lag: number | null;
  /** The member that reads the partition; null: none does. */
  readonly member: MemberDescription | null;
}

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
  const ends = await endsOf(cluster, places);
  return { group, partitions: lagsOf(group, places, committed, ends) };
}

/** The ends of the partitions that exist and whose leaders answer. */
async function endsOf(
  cluster: KafkaCluster,
  places: readonly TopicPartition[],
): Promise<readonly OffsetFound[]> {
  const topics = await cluster.describe([...new Set(places.map(({ topic }) => topic))]);
  const wanted = places
    .filter(({ topic, partition }) => partition < (topics.get(topic)?.partitions.length ?? 0))
    .map((place) => ({ ...place, timestamp: OffsetAt.LATEST }));
  return wanted.length === 0 ? [] : (await cluster.lookUp(wanted)).found;
}

/** Sorted by topic and partition. */
export function lagsOf(
  { members }: Pick<GroupDescription, 'members'>,
  places: readonly TopicPartition[],
  committed: readonly CommittedOffset[],
  ends: readonly OffsetFound[],
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
    return { topic, partition, committed: offset, end, lag, member: readers.get(name) ?? null };
  });
}

/** The sum of the known lags. */
export function totalLag(partitions: readonly PartitionLag[]): number {
  return partitions.reduce((sum, { lag }) => sum + (lag ?? 0), 0);
}
