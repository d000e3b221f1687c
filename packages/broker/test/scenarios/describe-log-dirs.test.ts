/**
 * Goal: DescribeLogDirs shows the replicas of this broker and the space of its file system. Method: requests
 * over the wire to a broker with real logs on a disk in memory.
 */
import { apis, ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { goodBatch } from '../support/batches.ts';
import { ServingBroker } from '../support/serving-broker.ts';

type Topics = { topic: string; partitions: number[] }[] | null;

function described(broker: ServingBroker, topics: Topics, version = 5) {
  return broker.ask(apis.describeLogDirs, version, { topics });
}

function produce(broker: ServingBroker, records: Uint8Array): void {
  const topicData = [{ name: 'words', partitionData: [{ index: 0, records }] }];
  broker.ask(apis.produce, 9, { transactionalId: null, acks: 1, timeoutMs: 1000, topicData });
}

test.each([1, 2, 3, 4, 5])('v%i: the answer has the directory with the size of each replica', (version) => {
  const broker = new ServingBroker();
  const batch = goodBatch();
  const size = batch.length;
  produce(broker, batch);
  const answer = described(broker, null, version);
  expect(answer).toMatchObject({ throttleTimeMs: 0, errorCode: ErrorCode.NONE });
  expect(answer.results).toEqual([
    {
      errorCode: ErrorCode.NONE,
      logDir: '/data',
      topics: [
        {
          name: 'words',
          partitions: [{ partitionIndex: 0, partitionSize: size, offsetLag: 0, isFutureKey: false }],
        },
      ],
      totalBytes: version >= 4 ? 2e12 : -1,
      usableBytes: version >= 4 ? 1e12 : -1,
      isCordoned: false,
    },
  ]);
});

test('the answer has, once each, the replicas that the request names and the broker hosts', () => {
  const broker = new ServingBroker();
  const shown = (topics: Topics) =>
    described(broker, topics).results.map((result) =>
      result.topics.map(({ name, partitions }) => [name, ...partitions.map((each) => each.partitionIndex)]),
    );
  expect(shown([])).toEqual([[]]);
  expect(shown([{ topic: 'words', partitions: [] }])).toEqual([[]]);
  expect(shown([{ topic: 'nowhere', partitions: [0] }])).toEqual([[]]);
  expect(shown([{ topic: 'words', partitions: [-1, 7] }])).toEqual([[]]);
  const twice = { topic: 'words', partitions: [0, 7, 0] };
  expect(shown([twice, twice])).toEqual([[['words', 0]]]);
});

test('if the file system does not answer, its directory has KAFKA_STORAGE_ERROR and no replicas', () => {
  const broker = new ServingBroker();
  broker.disk.failSpace = 'EIO';
  expect(described(broker, null)).toMatchObject({
    errorCode: ErrorCode.NONE,
    results: [
      {
        errorCode: ErrorCode.KAFKA_STORAGE_ERROR,
        logDir: '/data',
        topics: [],
        totalBytes: -1,
        usableBytes: -1,
      },
    ],
  });
});
