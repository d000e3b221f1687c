/** ListOffsets (2) and OffsetForLeaderEpoch (23): lookups in the logs that this broker leads. */
import type { MetadataImage } from '@millrace/metadata';
import { apis, ErrorCode, type RequestOf } from '@millrace/protocol';
import { defineHandler } from '../handler.ts';
import { isKnownIsolationLevel } from '../isolation-level.ts';

const EPOCH_ANSWER_SINCE = 4;
const TIMEOUT_SINCE = 10;

/**
 * Answers each partition once. Refuses a partition that the request names more than once. Leaves out topics
 * without partitions.
 */
export const listOffsets = defineHandler(apis.listOffsets, (broker, { version, body }, reply) => {
  const image = broker.image();
  const { replicaId, isolationLevel } = body;
  const isLevelKnown = isKnownIsolationLevel(isolationLevel);
  const lookups: Parameters<typeof broker.replicas.listOffsets>[0]['partitions'][number][] = [];
  const answers = distinctPartitions(body.topics).map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ asked, times }) => {
      const { partitionIndex, currentLeaderEpoch, timestamp } = asked;
      if (!isLevelKnown) return { partitionIndex, errorCode: ErrorCode.UNKNOWN_SERVER_ERROR };
      if (times > 1) return { partitionIndex, errorCode: ErrorCode.INVALID_REQUEST };
      const { topicId, errorCode } = locate(image, name, partitionIndex);
      if (errorCode !== ErrorCode.NONE || topicId === undefined) return { partitionIndex, errorCode };
      lookups.push({ topicId, topic: name, partition: partitionIndex, currentLeaderEpoch, timestamp });
      return { partitionIndex, errorCode: undefined };
    }),
  }));
  const timeoutMs = version >= TIMEOUT_SINCE ? body.timeoutMs : undefined;
  let release: (() => void) | undefined;
  const query = { version, replicaId, isolationLevel, partitions: lookups, timeoutMs };
  const cancel = broker.replicas.listOffsets(query, (results) => {
    release?.();
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
  if (cancel === undefined) return;
  // The lookups need a job or a later turn. Until they end, the connection starts no further request.
  const next = reply.hold();
  release = next;
  reply.onGone(() => {
    cancel();
    next();
  });
});

type AskedTopic = RequestOf<typeof apis.listOffsets>['topics'][number];
type AskedPartition = AskedTopic['partitions'][number];
interface DistinctPartition {
  readonly asked: AskedPartition;
  times: number;
}

/**
 * Lists each topic and partition of the request once, in order, with the number of times that the request
 * names it.
 */
function distinctPartitions(
  topics: readonly AskedTopic[],
): { readonly name: string; readonly partitions: DistinctPartition[] }[] {
  const byName = new Map<string, Map<number, DistinctPartition>>();
  for (const { name, partitions } of topics) {
    const found = byName.get(name) ?? new Map<number, DistinctPartition>();
    for (const asked of partitions) {
      const before = found.get(asked.partitionIndex);
      if (before === undefined) found.set(asked.partitionIndex, { asked, times: 1 });
      else before.times++;
    }
    if (found.size > 0) byName.set(name, found);
  }
  return [...byName].map(([name, found]) => ({ name, partitions: [...found.values()] }));
}

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
