/**
 * Looks up offsets of partitions: an end of the log, or the first record at or after a timestamp. Asks each
 * partition's leader, and asks again after an error that may pass, until the time is over.
 */
import { apis } from '@millrace/protocol';
import { fetchOutcome } from '../fetch/fetch-errors.ts';
import type { TopicPartition } from '../groups/topic-partitions.ts';
import { type LeaderApi, LeaderCall, type LeaderCallOptions } from './leader-call.ts';

/** Special timestamps of ListOffsets. LATEST finds the high watermark. */
export const OffsetAt = { LATEST: -1, EARLIEST: -2 } as const;

export interface OffsetWanted extends TopicPartition {
  /** Milliseconds since 1970, or one of OffsetAt. */
  readonly timestamp: number;
}

export interface OffsetFound extends TopicPartition {
  /** The offset that was found; -1: every record is older than the timestamp. */
  readonly offset: number;
  readonly leaderEpoch: number;
}

const CONSUMER = -1;

export function lookUpOffsets(lookup: LeaderCallOptions<OffsetWanted, OffsetFound>): void {
  new LeaderCall(lookup, listOffsets).attempt();
}

const listOffsets: LeaderApi<OffsetWanted, OffsetFound> = {
  api: apis.listOffsets,
  send(connection, version, wanted, leftMs, answered) {
    const topics = [...wanted].map(([name, ones]) => ({
      name,
      partitions: ones.map(({ partition, timestamp }) => ({ partitionIndex: partition, timestamp })),
    }));
    connection.request(
      apis.listOffsets,
      version,
      { replicaId: CONSUMER, topics, timeoutMs: leftMs },
      (response) =>
        answered(
          response?.topics.flatMap(({ name: topic, partitions }) =>
            partitions.map(({ partitionIndex: partition, errorCode, offset, leaderEpoch }) => ({
              errorCode,
              found: { topic, partition, offset, leaderEpoch },
            })),
          ),
        ),
      connection.timeoutCovering(leftMs),
    );
  },
  isFinal: (errorCode) => fetchOutcome(errorCode) === 'fatal',
};
