/**
 * Goal: DescribeQuorum describes the metadata partition. As in Kafka, a request that also names another
 * partition gets an error for each partition. Method: requests to a fake quorum.
 */
import type { Uuid } from '@millrace/base';
import { apis, ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { answerDescribeQuorum } from '../../../src/roles/control/describe-quorum.ts';

const voter = {
  id: 1,
  directoryId: 'AAECAwQFBgcICQoLDA0ODw' as Uuid,
  logEndOffset: 9,
  lastFetchTimestamp: -1,
  lastCaughtUpTimestamp: -1,
};
const quorum = {
  leaderId: 1,
  leaderEpoch: 3,
  highWatermark: 8,
  voters: [voter],
  observers: [],
  nodes: [{ id: 1, host: 'one', port: 9093 }],
};

function ask(...topics: [string, ...number[]][]) {
  const asked = topics.map(([topicName, ...partitions]) => ({
    topicName,
    partitions: partitions.map((partitionIndex) => ({ partitionIndex })),
  }));
  const answer = answerDescribeQuorum({ topics: asked }, quorum, 'CONTROLLER');
  return apis.describeQuorum.decodeResponse(2, Buffer.concat(apis.describeQuorum.encodeResponse(2, answer)));
}

test('the answer describes partition 0 of __cluster_metadata, and names the nodes of the quorum', () => {
  const { topics, nodes } = ask(['__cluster_metadata', 0]);
  expect(topics[0]?.partitions).toMatchObject([{ errorCode: ErrorCode.NONE, leaderId: 1, leaderEpoch: 3 }]);
  expect(nodes).toMatchObject([{ nodeId: 1, listeners: [{ name: 'CONTROLLER', host: 'one', port: 9093 }] }]);
});

test.each<[string, [string, ...number[]][]]>([
  ['another topic', [['orders', 0]]],
  ['another partition', [['__cluster_metadata', 1]]],
  ['partition 0 and another partition', [['__cluster_metadata', 0, 1]]],
  [
    'the topic twice',
    [
      ['__cluster_metadata', 0],
      ['__cluster_metadata', 0],
    ],
  ],
])('%s: every partition of the request is unknown', (_, asked) => {
  const { errorCode, topics, nodes } = ask(...asked);
  expect(errorCode).toBe(ErrorCode.NONE);
  expect(nodes).toEqual([]);
  const partitions = topics.flatMap((topic) => topic.partitions);
  expect(partitions.length).toBe(asked.flatMap(([, ...indexes]) => indexes).length);
  for (const partition of partitions)
    expect(partition).toMatchObject({
      errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
      errorMessage: 'This server does not host this topic-partition.',
      leaderId: 0,
      leaderEpoch: 0,
      highWatermark: 0,
      currentVoters: [],
    });
});
