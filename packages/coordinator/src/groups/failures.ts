/** Answers in which every part has the same error. */
import type { ErrorCode } from '@millrace/protocol';
import type { CommitResults, CommitTopics } from '../offsets/committed-offsets.ts';

export function commitFailure(topics: CommitTopics, errorCode: ErrorCode): CommitResults {
  return topics.map(({ name, topicId, partitions }) => ({
    name,
    topicId,
    partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
  }));
}
