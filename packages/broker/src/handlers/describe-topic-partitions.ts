/** DescribeTopicPartitions (75), KIP-966: shows topics in the order of their names, page by page. */
import { isInternalTopic, type MetadataImage } from '@millrace/metadata';
import { apis, ErrorCode, type ResponseInputOf, validateTopicName } from '@millrace/protocol';
import { ALL_TOPIC_OPERATIONS } from '../authorized-operations.ts';
import { describePartition } from '../cluster-view.ts';
import { defineHandler } from '../handler.ts';

type Response = ResponseInputOf<typeof apis.describeTopicPartitions>;
type Topic = NonNullable<Response['topics']>[number];

export const describeTopicPartitions = defineHandler(
  apis.describeTopicPartitions,
  (broker, { body, listenerName }, reply) => {
    const { cursor } = body;
    const requested = [...new Set(body.topics.map(({ name }) => name))];
    const cursorIsWrong =
      cursor !== null &&
      (cursor.partitionIndex < 0 || (requested.length > 0 && !requested.includes(cursor.topicName)));
    if (cursorIsWrong) {
      reply.send({ topics: requested.map((name) => ({ name, errorCode: ErrorCode.INVALID_REQUEST })) });
      return;
    }
    const image = broker.image();
    const names = (requested.length > 0 ? requested.sort() : image.topicNames).filter(
      (name) => cursor === null || name >= cursor.topicName,
    );
    const limit = Math.max(1, Math.min(body.responsePartitionLimit, broker.config.describePartitionsMax));
    reply.send(page(image, names, cursor, limit, listenerName));
  },
);

/** One page of partitions, up to the limit, and the cursor of the next page. */
function page(
  image: MetadataImage,
  names: readonly string[],
  cursor: { readonly topicName: string; readonly partitionIndex: number } | null,
  limit: number,
  listenerName: string,
): Response {
  const topics: Topic[] = [];
  let left = limit;
  for (const name of names) {
    if (left === 0) return { topics, nextCursor: { topicName: name, partitionIndex: 0 } };
    const topic = image.topic(name);
    if (topic === undefined) {
      const legal = validateTopicName(name) === undefined;
      const errorCode = legal ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : ErrorCode.INVALID_TOPIC_EXCEPTION;
      topics.push({ name, errorCode, topicAuthorizedOperations: ALL_TOPIC_OPERATIONS });
      continue;
    }
    const start = cursor?.topicName === name ? cursor.partitionIndex : 0;
    const end = Math.min(start + left, topic.partitions.length);
    const partitions = topic.partitions.slice(start, end).map((partition, i) => ({
      ...describePartition(image, partition, start + i, listenerName, { tellListenerNotFound: true }),
      eligibleLeaderReplicas: [...partition.elr],
      lastKnownElr: partition.lastKnownLeader === -1 ? [] : [partition.lastKnownLeader],
    }));
    topics.push({
      name,
      topicId: topic.id,
      isInternal: isInternalTopic(name),
      partitions,
      topicAuthorizedOperations: ALL_TOPIC_OPERATIONS,
    });
    left -= partitions.length;
    if (end < topic.partitions.length)
      return { topics, nextCursor: { topicName: name, partitionIndex: end } };
  }
  return { topics, nextCursor: null };
}
