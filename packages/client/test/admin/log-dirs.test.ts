/** Goal: an administrator gets the log directories of every broker, or the reason why one is missing. */
import { apis, ErrorCode, type ResponseInputOf } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { describeLogDirs } from '../../src/index.ts';
import { metadataOf } from '../support/metadata.ts';
import { PlayedCluster } from '../support/played-cluster.ts';

type Results = ResponseInputOf<typeof apis.describeLogDirs>['results'];

class Asked {
  readonly cluster = PlayedCluster.started();
  readonly ends: unknown[] = [];

  constructor(topics: ReadonlyMap<string, readonly number[]> | null = null) {
    const { clock, view, server } = this.cluster;
    describeLogDirs({
      clock,
      cluster: view,
      timeoutMs: 1_000,
      topics,
      done: (found, failed, error) => this.ends.push(Object.fromEntries(found), [...failed], error),
    });
    server.answer(apis.metadata, metadataOf());
    for (const port of [4, 5, 6]) this.cluster.opens(port);
    clock.advance(100);
  }

  tells(port: number, results: Results, errorCode = 0) {
    return this.cluster.net.to(port).answer(apis.describeLogDirs, { errorCode, results });
  }
}

const replica = (partitionIndex: number) => ({ partitionIndex, partitionSize: 7, offsetLag: 2 });

test('the client asks every broker for all topics, and sorts the replicas', () => {
  const asked = new Asked();
  const topics = [
    { name: 'b', partitions: [replica(1), { ...replica(0), isFutureKey: true }] },
    { name: 'a', partitions: [replica(0)] },
  ];
  expect(asked.tells(4, [{ logDir: '/d', topics, totalBytes: 9, usableBytes: 5 }])).toEqual({ topics: null });
  asked.tells(5, [{ logDir: '/e', errorCode: ErrorCode.KAFKA_STORAGE_ERROR, isCordoned: true }]);
  asked.tells(6, []);
  const size = { sizeBytes: 7, offsetLag: 2 };
  expect(asked.ends).toEqual([
    {
      4: [
        {
          path: '/d',
          error: undefined,
          totalBytes: 9,
          usableBytes: 5,
          isCordoned: false,
          replicas: [
            { topic: 'a', partition: 0, ...size, isFuture: false },
            { topic: 'b', partition: 0, ...size, isFuture: true },
            { topic: 'b', partition: 1, ...size, isFuture: false },
          ],
        },
      ],
      5: [
        {
          path: '/e',
          error: 'KAFKA_STORAGE_ERROR',
          totalBytes: undefined,
          usableBytes: undefined,
          isCordoned: true,
          replicas: [],
        },
      ],
      6: [],
    },
    [],
    undefined,
  ]);
});

test('the request names the topics that the caller asks for', () => {
  const asked = new Asked(new Map([['events', [0, 2]]]));
  expect(asked.tells(4, [])).toEqual({ topics: [{ topic: 'events', partitions: [0, 2] }] });
});

test('the client asks again after a transient error, gives up after a refusal, and names a silent broker', () => {
  const asked = new Asked();
  asked.tells(4, [], ErrorCode.REQUEST_TIMED_OUT);
  asked.tells(5, [], ErrorCode.CLUSTER_AUTHORIZATION_FAILED);
  asked.cluster.clock.advance(100);
  asked.tells(4, []);
  expect(asked.ends).toEqual([]);
  asked.cluster.clock.advance(1_000);
  expect(asked.ends).toEqual([
    { 4: [] },
    [
      [5, 'CLUSTER_AUTHORIZATION_FAILED'],
      [6, 'the broker does not answer'],
    ],
    undefined,
  ]);
});
