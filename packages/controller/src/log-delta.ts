/** Tells the log what the active controller has changed: names are stable, see docs. Called with committed changes only. */
import type { Logger } from '@millrace/base';
import type { MetadataDelta } from '@millrace/metadata';

export function logDelta(logger: Logger, delta: MetadataDelta): void {
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
  logPartitions(logger, delta);
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

function logPartitions(logger: Logger, { previous, image, changedPartitions }: MetadataDelta): void {
  let elected = 0;
  let leaderless = 0;
  for (const { topicId, topic, partition } of changedPartitions) {
    const before = previous.partition(topicId, partition);
    const after = image.partition(topicId, partition)!;
    if (before === undefined || before.leaderEpoch === after.leaderEpoch) continue;
    if (after.leader === -1) leaderless++;
    else elected++;
    const { leader, leaderEpoch, isr } = after;
    logger.debug('leader-elected', { topic, partition, leader, leaderEpoch, isr, previous: before.leader });
  }
  if (elected > 0) logger.info('leaders-elected', { partitions: elected });
  if (leaderless > 0) logger.warn('partitions-without-leader', { partitions: leaderless });
}
