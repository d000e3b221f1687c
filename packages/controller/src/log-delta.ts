/** Logs the committed changes of the active controller. The event names are stable (docs/logging.md). */
import type { Logger, NodeId } from '@millrace/base';
import type { MetadataDelta, PartitionImage } from '@millrace/metadata';

/**
 * Logs the changes, and returns how many elections of each kind they contain. A new epoch of the same leader
 * counts as an election.
 */
export function logDelta(logger: Logger, delta: MetadataDelta): Elections {
  for (const topic of delta.createdTopics) {
    logger.info('topic-created', {
      topic: topic.name,
      topicId: topic.id,
      partitions: topic.partitions.length,
    });
  }
  for (const topic of delta.deletedTopics) {
    logger.info('topic-deleted', { topic: topic.name, topicId: topic.id });
  }
  logBrokers(logger, delta);
  return logPartitions(logger, delta);
}

function logBrokers(logger: Logger, { previous, image, changedBrokers }: MetadataDelta): void {
  for (const brokerId of [...changedBrokers].sort((a, b) => a - b)) {
    const before = previous.broker(brokerId);
    const after = image.broker(brokerId);
    if (after === undefined) {
      logger.info('broker-unregistered', { brokerId });
      continue;
    }
    const brokerEpoch = after.epoch;
    if (before?.epoch !== brokerEpoch) {
      logger.info('broker-registered', { brokerId, brokerEpoch, incarnationId: after.incarnationId });
    } else if (before.fenced !== after.fenced) {
      logger.info(after.fenced ? 'broker-fenced' : 'broker-unfenced', { brokerId, brokerEpoch });
    }
    if (after.inControlledShutdown && before?.inControlledShutdown !== true) {
      logger.info('broker-shutting-down', { brokerId, brokerEpoch });
    }
  }
}

/**
 * The kind of replica that the controller elected: a member of the ISR; an eligible leader replica (KIP-966);
 * a replica that left the ISR before all of the ISR was lost; or any other active replica.
 */
export type ElectionKind = 'isr' | 'elr' | 'former-isr' | 'unclean';
export type Elections = Readonly<Record<ElectionKind, number>>;

function logPartitions(logger: Logger, delta: MetadataDelta): Elections {
  const { previous, image, changedPartitions } = delta;
  const elected = { isr: 0, elr: 0, 'former-isr': 0, unclean: 0 };
  let leaderless = 0;
  for (const { topicId, topic, partition } of changedPartitions) {
    const before = previous.partition(topicId, partition);
    const after = image.partition(topicId, partition)!;
    if (before === undefined || before.leaderEpoch === after.leaderEpoch) continue;
    const { leader, leaderEpoch, isr } = after;
    const reason = reasonOf(delta, before, after);
    const facts = { topic, partition, leader, leaderEpoch, isr, previous: before.leader, reason };
    if (leader === -1) {
      leaderless++;
      logger.debug('leader-lost', facts);
    } else {
      const kind = kindOf(before, leader);
      elected[kind]++;
      logger.debug('leader-elected', { ...facts, kind });
    }
  }
  const partitions = elected.isr + elected.elr + elected['former-isr'] + elected.unclean;
  if (partitions > 0) {
    const { isr, elr, unclean } = elected;
    logger.info('leaders-elected', { partitions, isr, elr, formerIsr: elected['former-isr'], unclean });
  }
  if (leaderless > 0) logger.warn('partitions-without-leader', { partitions: leaderless });
  return elected;
}

function kindOf(before: PartitionImage, leader: NodeId): ElectionKind {
  if (before.isr.includes(leader)) return 'isr';
  if (before.elr.includes(leader)) return 'elr';
  return before.formerIsr.includes(leader) ? 'former-isr' : 'unclean';
}

/**
 * The reason why the partition got another leader, or a new epoch under the same leader. If the leader
 * changed, the reason follows from the change of the former leader's registration (fenced, for example).
 */
function reasonOf(
  { previous, image }: MetadataDelta,
  { leader }: PartitionImage,
  after: PartitionImage,
): string {
  if (leader === after.leader) return 'follower-gave-up';
  if (leader === -1) return 'had-none';
  const was = previous.broker(leader);
  const is = image.broker(leader);
  if (is === undefined) return 'unregistered';
  if (was?.epoch !== is.epoch) return 'registered-again';
  if (is.inControlledShutdown && !was.inControlledShutdown) return 'shutting-down';
  if (is.fenced) return 'fenced';
  return 'gave-up';
}
