/**
 * Deletes records of partitions: raises each log start offset at the partition's leader. Asks again when the
 * leader changes or some replica is late, until the time is over. A retry of a deletion up to the high
 * watermark also deletes records that were appended since the first attempt, as in Kafka.
 */
import { apis, isRetriable } from '@millrace/protocol';
import type { TopicPartition } from '../groups/topic-partitions.ts';
import { type LeaderApi, LeaderCall, type LeaderCallOptions } from './leader-call.ts';

export interface DeletionWanted extends TopicPartition {
  /** The offset of the first record to keep; -1: the high watermark, so no committed record is kept. */
  readonly offset: number;
}

export interface RecordsDeleted extends TopicPartition {
  /** No live replica has records below this offset. */
  readonly lowWatermark: number;
}

export function deleteRecords(deletion: LeaderCallOptions<DeletionWanted, RecordsDeleted>): void {
  new LeaderCall(deletion, atLeaders).attempt();
}

const atLeaders: LeaderApi<DeletionWanted, RecordsDeleted> = {
  api: apis.deleteRecords,
  send(connection, version, wanted, leftMs, answered) {
    const topics = [...wanted].map(([name, ones]) => ({
      name,
      partitions: ones.map(({ partition, offset }) => ({ partitionIndex: partition, offset })),
    }));
    connection.request(apis.deleteRecords, version, { topics, timeoutMs: leftMs }, (response) =>
      answered(
        response?.topics.flatMap(({ name: topic, partitions }) =>
          partitions.map(({ partitionIndex: partition, errorCode, lowWatermark }) => ({
            errorCode,
            found: { topic, partition, lowWatermark },
          })),
        ),
      ),
    );
  },
  isFinal: (errorCode) => !isRetriable(errorCode),
};
