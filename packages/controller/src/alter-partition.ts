/**
 * AlterPartition (KIP-497, KIP-841, KIP-903). Checks the request and creates its records. A leader asks for a
 * new ISR. The leader stays, unless it asks for an ISR without itself: then another member leads. Any other
 * replica may ask only to leave both ISR and ELR. Leaders and followers ask to leave when their log is
 * damaged. They delete that log when a new leader epoch begins. In the new epoch the leader ignores earlier
 * fetches, because they described the old log.
 *
 * A replica whose storage failed (`storageFailed`) cannot serve at all. It leaves ISR and ELR if another
 * replica, active or not, remains in one of them. The last replica in ISR and ELR leaves only if the topic
 * allows unclean election and there is a replica to elect. The record notes the failure. Until the broker
 * restarts or the replica is in the ISR again, no controller elects this replica uncleanly. A replica outside
 * of ISR and ELR reports its failure only when it is in one of them, because until then nothing depends on
 * the replica.
 *
 * A broker retries a request when its connection breaks. The first copy may arrive after the controller
 * decided the retry. So the partition epoch tells the decisions apart: a granted change raises it. A refusal
 * to add a replica raises it too, if a late copy could be granted (mayBecomeEligible). A refusal matters
 * because, after INELIGIBLE_REPLICA, the leader acknowledges without that replica. When the replica becomes
 * eligible again, it may lag behind, so a late copy must not add it. Such a refusal is a record like any
 * other, and the controller answers when it is committed. So a deposed controller cannot refuse, and later
 * controllers know the refusal.
 */
import { isUuid, type NodeId } from '@millrace/base';
import type {
  AlterPartitionRequest,
  AlterPartitionResponse,
  AlterPartitionResult,
  IsrMember,
} from '@millrace/control';
import type { MetadataImage, MetadataRecord, PartitionImage } from '@millrace/metadata';
import { ErrorCode } from '@millrace/protocol';
import { allowsUncleanElection, minInsyncReplicasOf } from './broker-effects.ts';
import { currentRegistration } from './brokers.ts';
import type { ControllerConfig } from './config.ts';
import { answer, type Decision } from './decision.ts';
import { isFailed, type PartitionSituation, partitionChange, sameMembers } from './partition-change.ts';

type Item = AlterPartitionRequest['partitions'][number];

/**
 * Decides an AlterPartition request. Error of the whole request: STALE_BROKER_EPOCH. Errors of a partition:
 * UNKNOWN_TOPIC_ID, UNKNOWN_TOPIC_OR_PARTITION, NOT_CONTROLLER (the broker has newer metadata than this
 * controller), FENCED_LEADER_EPOCH, INVALID_REQUEST, INVALID_UPDATE_VERSION, INELIGIBLE_REPLICA.
 */
export function decideAlterPartition(
  image: MetadataImage,
  config: ControllerConfig,
  request: AlterPartitionRequest,
): Decision<AlterPartitionResponse> {
  if (currentRegistration(image, request.brokerId, request.brokerEpoch) === undefined) {
    return answer({ errorCode: ErrorCode.STALE_BROKER_EPOCH, partitions: [] });
  }
  const records: MetadataRecord[] = [];
  const errors: number[] = [];
  const seen = new Set<string>();
  for (const item of request.partitions) {
    const key = `${item.topicId}/${item.partition}`;
    const repeated = seen.has(key);
    seen.add(key);
    const error = repeated ? ErrorCode.INVALID_REQUEST : validate(image, config, request.brokerId, item);
    errors.push(error);
    if (error === ErrorCode.INELIGIBLE_REPLICA && mayBecomeEligible(image, item))
      records.push(refusalOf(item));
    if (error !== ErrorCode.NONE) continue;
    const topic = image.topicById(item.topicId as never)!;
    const partition = topic.partitions[item.partition]!;
    const situation = {
      partition,
      isFailed: (id: NodeId) => isFailed(image, partition, id),
      minInsyncReplicas: minInsyncReplicasOf(image, topic.name),
      ...(item.storageFailed
        ? {
            ...withoutFailed(image, partition, request.brokerId),
            uncleanElection: allowsUncleanElection(image, config, topic.name),
            failed: { brokerId: request.brokerId, brokerEpoch: request.brokerEpoch },
          }
        : toTarget(image, item, request.brokerId)),
    };
    const record = partitionChange(item.topicId as never, item.partition, situation);
    if (record !== undefined) records.push(record);
  }
  const respond = (after: MetadataImage): AlterPartitionResponse => ({
    errorCode: ErrorCode.NONE,
    partitions: request.partitions.map((item, index) => result(after, item, errors[index]!)),
  });
  return { records, respond };
}

type Wish = Omit<PartitionSituation, 'partition' | 'isFailed' | 'minInsyncReplicas'>;

function toTarget(image: MetadataImage, item: Item, brokerId: NodeId): Wish {
  const targetIsr = item.isr.map((member) => member.brokerId);
  const stays = targetIsr.includes(brokerId);
  return {
    targetIsr,
    // A replica that asks to leave does not trust its own log.
    leaving: stays ? undefined : brokerId,
    newLeaderEpoch: !stays,
    isActive: (id) => image.isActive(id),
    uncleanElection: false,
  };
}

/**
 * Removes the replica whose storage failed from ISR and ELR. If it was in one of them, a new leader epoch
 * begins, so that the leader does not wait for a follower that no longer fetches.
 */
function withoutFailed(
  image: MetadataImage,
  partition: PartitionImage,
  brokerId: NodeId,
): Omit<Wish, 'uncleanElection'> {
  return {
    leaving: brokerId,
    newLeaderEpoch: partition.isr.includes(brokerId) || partition.elr.includes(brokerId),
    isActive: (id) => id !== brokerId && image.isActive(id),
  };
}

function validate(image: MetadataImage, config: ControllerConfig, brokerId: NodeId, item: Item): number {
  const topic = isUuid(item.topicId) ? image.topicById(item.topicId) : undefined;
  if (topic === undefined) return ErrorCode.UNKNOWN_TOPIC_ID;
  const partition = topic.partitions[item.partition];
  if (partition === undefined) return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
  if (item.leaderEpoch > partition.leaderEpoch) return ErrorCode.NOT_CONTROLLER;
  if (item.partitionEpoch > partition.partitionEpoch) return ErrorCode.NOT_CONTROLLER;
  if (item.leaderEpoch < partition.leaderEpoch) return ErrorCode.FENCED_LEADER_EPOCH;
  const isStale = item.partitionEpoch < partition.partitionEpoch;
  if (item.storageFailed) {
    if (!partition.replicas.includes(brokerId)) return ErrorCode.INVALID_REQUEST;
    if (isStale) return ErrorCode.INVALID_UPDATE_VERSION;
    const canGo =
      [...partition.isr, ...partition.elr].some((id) => id !== brokerId) ||
      (allowsUncleanElection(image, config, topic.name) &&
        partition.replicas.some(
          (id) => id !== brokerId && image.isActive(id) && !isFailed(image, partition, id),
        ));
    return canGo ? ErrorCode.NONE : ErrorCode.INELIGIBLE_REPLICA;
  }
  const isLeader = brokerId === partition.leader;
  if (!isLeader && item.isr.some((member) => member.brokerId === brokerId)) return ErrorCode.INVALID_REQUEST;
  if (isStale) return ErrorCode.INVALID_UPDATE_VERSION;
  if (!isLeader) {
    if (!isWithout(partition, brokerId, item.isr)) return ErrorCode.INVALID_REQUEST;
    // The request adds no member. The controller grants it only if one of the remaining members is active.
    const canBeSpared = item.isr.some((member) => image.isActive(member.brokerId));
    return canBeSpared ? ErrorCode.NONE : ErrorCode.INELIGIBLE_REPLICA;
  }
  if (!isProperIsr(partition, item.isr)) return ErrorCode.INVALID_REQUEST;
  return item.isr.every((member) => isEligible(image, member))
    ? ErrorCode.NONE
    : ErrorCode.INELIGIBLE_REPLICA;
}

/**
 * Whether a leader may ask for this ISR. An ISR without the leader may contain only members of the present
 * ISR, because these hold all committed records.
 */
function isProperIsr(partition: PartitionImage, isr: readonly IsrMember[]): boolean {
  const ids = new Set(isr.map(({ brokerId }) => brokerId));
  if (ids.size !== isr.length) return false;
  const known = ids.has(partition.leader) ? partition.replicas : partition.isr;
  return isr.length > 0 && isr.every(({ brokerId }) => known.includes(brokerId));
}

/** Whether the requested ISR is the present one without the requesting replica. */
function isWithout(partition: PartitionImage, brokerId: NodeId, isr: readonly IsrMember[]): boolean {
  const others = partition.isr.filter((id) => id !== brokerId);
  const ids = isr.map((member) => member.brokerId);
  return partition.replicas.includes(brokerId) && others.length > 0 && sameMembers(others, ids);
}

/**
 * Whether the broker may be in the ISR. A broker that restarted since the leader last saw it may have lost
 * the tail of its log. Its new broker epoch shows the restart (KIP-903).
 */
function isEligible(image: MetadataImage, { brokerId, brokerEpoch }: IsrMember): boolean {
  if (!image.isActive(brokerId)) return false;
  return brokerEpoch === -1 || image.broker(brokerId)!.epoch === brokerEpoch;
}

/**
 * Whether a late copy of this refused request could add a member. A request that adds no member is harmless.
 * If a member has an old broker epoch, or must register again before it is eligible, isEligible refuses every
 * later copy.
 */
function mayBecomeEligible(image: MetadataImage, { topicId, partition, isr }: Item): boolean {
  const present = image.partition(topicId as never, partition)!.isr;
  const isOver = ({ brokerId, brokerEpoch }: IsrMember) => {
    const broker = image.broker(brokerId);
    if (brokerEpoch === -1 || broker === undefined) return false;
    return brokerEpoch < broker.epoch || (brokerEpoch === broker.epoch && broker.inControlledShutdown);
  };
  return isr.some(({ brokerId }) => !present.includes(brokerId)) && !isr.some(isOver);
}

/** A record that raises only the partition epoch. */
function refusalOf({ topicId, partition }: Item): MetadataRecord {
  return { type: 'partitionChange', topicId: topicId as never, partition };
}

function result(image: MetadataImage, item: Item, errorCode: number): AlterPartitionResult {
  const { topicId, partition: index } = item;
  const partition = errorCode === ErrorCode.NONE ? image.partition(topicId as never, index) : undefined;
  return {
    topicId,
    partition: index,
    errorCode,
    leader: partition?.leader ?? -1,
    leaderEpoch: partition?.leaderEpoch ?? -1,
    isr: [...(partition?.isr ?? [])],
    partitionEpoch: partition?.partitionEpoch ?? -1,
  };
}
