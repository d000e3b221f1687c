/**
 * DeleteRecords (21): deletes records of the partitions that this broker leads. Answers each topic and
 * partition once. If the request names a partition several times, the last offset counts, as in Kafka.
 */
import type { Offset } from '@millrace/base';
import { isInternalTopic } from '@millrace/metadata';
import { apis, ErrorCode, type RequestOf } from '@millrace/protocol';
import { defineHandler } from '../handler.ts';

export const deleteRecords = defineHandler(apis.deleteRecords, (broker, { body, clientId }, reply) => {
  const image = broker.image();
  const deletions: Parameters<typeof broker.replicas.deletions.delete>[0]['partitions'][number][] = [];
  const answers = lastOffsets(body.topics).map(({ name, offsets }) => {
    const topic = image.topic(name);
    const partitions = [...offsets].map(([partitionIndex, offset]) => {
      if (topic?.partitions[partitionIndex] === undefined)
        return { partitionIndex, errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION };
      if (isInternalTopic(name)) return { partitionIndex, errorCode: ErrorCode.INVALID_TOPIC_EXCEPTION };
      deletions.push({ topicId: topic.id, partition: partitionIndex, offset });
      return { partitionIndex, errorCode: undefined };
    });
    return { name, partitions };
  });
  const request = { clientId, timeoutMs: body.timeoutMs, partitions: deletions };
  const cancel = broker.replicas.deletions.delete(request, (results) => {
    let next = 0;
    const topics = answers.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, errorCode }) =>
        errorCode === undefined
          ? { partitionIndex, ...results[next++]! }
          : { partitionIndex, errorCode, lowWatermark: -1 },
      ),
    }));
    reply.send({ topics });
  });
  if (cancel !== undefined) reply.onGone(cancel);
});

type AskedTopic = RequestOf<typeof apis.deleteRecords>['topics'][number];

/** Each topic with its partitions. Each partition has the last offset that the request names for it. */
function lastOffsets(
  topics: readonly AskedTopic[],
): { readonly name: string; readonly offsets: ReadonlyMap<number, Offset> }[] {
  const byName = new Map<string, Map<number, Offset>>();
  for (const { name, partitions } of topics) {
    const offsets = byName.get(name) ?? new Map<number, Offset>();
    for (const { partitionIndex, offset } of partitions) offsets.set(partitionIndex, offset);
    if (offsets.size > 0) byName.set(name, offsets);
  }
  return [...byName].map(([name, offsets]) => ({ name, offsets }));
}
