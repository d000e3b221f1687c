/**
 * Deletes records of partitions: asks each leader to raise the log start offset. Asks again when the leader
 * changes, or when a replica does not raise its own log start offset in time. Gives up when the time of the
 * call is over. As in Kafka, a retry of a deletion up to the high watermark also deletes the records that
 * were committed meanwhile.
 */
import { apis, isRetriable } from '@millrace/protocol';
import type { TopicPartition } from '../groups/topic-partitions.ts';
import { type LeaderApi, LeaderCall, type LeaderCallOptions } from './leader-call.ts';

export interface DeletionWanted extends TopicPartition {
  /** The offset of the first record to keep; -1: the high watermark, which deletes every committed record. */
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
    connection.request(
      apis.deleteRecords,
      version,
      { topics, timeoutMs: leftMs },
      (response) =>
        answered(
          response?.topics.flatMap(({ name: topic, partitions }) =>
            partitions.map(({ partitionIndex: partition, errorCode, lowWatermark }) => ({
              errorCode,
              found: { topic, partition, lowWatermark },
            })),
          ),
        ),
      connection.timeoutCovering(leftMs),
    );
  },
  isFinal: (errorCode) => !isRetriable(errorCode),
};
