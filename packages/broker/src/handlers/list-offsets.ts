/** ListOffsets (2) and OffsetForLeaderEpoch (23): lookups in the logs that this broker leads. */
import type { MetadataImage } from '@millrace/metadata';
import { apis, ErrorCode } from '@millrace/protocol';
import { defineHandler } from '../handler.ts';

const EPOCH_ANSWER_SINCE = 4;

export const listOffsets = defineHandler(apis.listOffsets, (broker, { version, body }, reply) => {
  const image = broker.image();
  const counts = new Map<string, number>();
  for (const { name, partitions } of body.topics)
    for (const { partitionIndex } of partitions) count(counts, `${name}-${partitionIndex}`);

  const lookups: Parameters<typeof broker.replicas.listOffsets>[0]['partitions'][number][] = [];
  const answers = body.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex, currentLeaderEpoch, timestamp }) => {
      const { topicId, errorCode } = locate(image, name, partitionIndex);
      const refusal = counts.get(`${name}-${partitionIndex}`)! > 1 ? ErrorCode.INVALID_REQUEST : errorCode;
      if (refusal !== ErrorCode.NONE || topicId === undefined) return { partitionIndex, errorCode: refusal };
      lookups.push({ topicId, topic: name, partition: partitionIndex, currentLeaderEpoch, timestamp });
      return { partitionIndex, errorCode: undefined };
    }),
  }));
  const { replicaId, isolationLevel } = body;
  const results = broker.replicas.listOffsets({ version, replicaId, isolationLevel, partitions: lookups });
  let next = 0;
  const topics = answers.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex, errorCode }) => {
      if (errorCode !== undefined) return { partitionIndex, errorCode, offset: -1, timestamp: -1 };
      const { leaderEpoch, ...result } = results[next++]!;
      return { partitionIndex, ...result, leaderEpoch: version >= EPOCH_ANSWER_SINCE ? leaderEpoch : -1 };
    }),
  }));
  reply.send({ topics });
});

export const offsetForLeaderEpoch = defineHandler(apis.offsetForLeaderEpoch, (broker, { body }, reply) => {
  const image = broker.image();
  const lookups: Parameters<typeof broker.replicas.offsetForLeaderEpoch>[0][number][] = [];
  const answers = body.topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map(({ partition, currentLeaderEpoch, leaderEpoch }) => {
      const { topicId, errorCode } = locate(image, topic, partition);
      if (topicId === undefined || errorCode !== ErrorCode.NONE) return { partition, errorCode };
      lookups.push({ topicId, topic, partition, currentLeaderEpoch, leaderEpoch });
      return { partition, errorCode: undefined };
    }),
  }));
  const results = broker.replicas.offsetForLeaderEpoch(lookups);
  let next = 0;
  const topics = answers.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map(({ partition, errorCode }) => {
      if (errorCode !== undefined) return { partition, errorCode, leaderEpoch: -1, endOffset: -1 };
      return { partition, ...results[next++]! };
    }),
  }));
  reply.send({ topics });
});

function locate(image: MetadataImage, name: string, partition: number) {
  const topic = image.topic(name);
  const known = topic?.partitions[partition] !== undefined;
  return {
    topicId: topic?.id,
    errorCode: known ? ErrorCode.NONE : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  };
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
