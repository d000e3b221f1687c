/** Goal: a lookup finds the offset of every partition at its leader, or says why not. */
import { apis, ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { lookUpOffsets, OffsetAt } from '../../src/index.ts';
import { PlayedCluster } from '../support/played-cluster.ts';

class LookedUp {
  readonly cluster = PlayedCluster.ledBy(4, 5);
  readonly ends: unknown[] = [];

  constructor() {
    lookUpOffsets({
      clock: this.cluster.clock,
      cluster: this.cluster.view,
      timeoutMs: 1_000,
      wanted: [
        { topic: 'events', partition: 0, timestamp: OffsetAt.LATEST },
        { topic: 'events', partition: 1, timestamp: 1_700_000_000_000 },
      ],
      done: (found, failed) =>
        this.ends.push(
          found.map(({ partition, offset }) => [partition, offset]),
          [...failed].sort(),
        ),
    });
  }

  tells(port: number, told: { offset?: number; errorCode?: number }, leftMs = 1_000) {
    const partitions = [{ partitionIndex: port - 4, errorCode: 0, offset: -1, ...told }];
    const answer = { topics: [{ name: 'events', partitions }] } as never;
    const { topics, timeoutMs } = this.cluster.net.to(port).answer(apis.listOffsets, answer);
    expect(timeoutMs).toBe(leftMs);
    return topics[0]?.partitions[0]?.timestamp;
  }
}

test('each leader is asked for its partitions, with the time that the call has left', () => {
  const looked = new LookedUp();
  expect(looked.tells(5, { offset: 8 })).toBe(1_700_000_000_000);
  expect(looked.tells(4, { offset: 12 })).toBe(-1);
  expect(looked.ends).toEqual([
    [
      [1, 8],
      [0, 12],
    ],
    [],
  ]);
});

test('after NOT_LEADER_OR_FOLLOWER the lookup asks again for this partition only', () => {
  const looked = new LookedUp();
  looked.tells(5, { offset: 8 });
  looked.tells(4, { errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER });
  looked.cluster.clock.advance(100);
  expect(looked.cluster.net.to(5).waiting).toEqual([]);
  looked.tells(4, { offset: 12 }, 900);
  expect(looked.ends[1]).toEqual([]);
});

test('when the time is over, the lookup says which partitions it did not find, and why', () => {
  const looked = new LookedUp();
  looked.tells(5, { errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED });
  looked.cluster.net.to(4).breaks();
  looked.cluster.clock.advance(1_000);
  expect(looked.ends).toEqual([
    [],
    [
      ['events-0', 'the leader does not answer'],
      ['events-1', 'TOPIC_AUTHORIZATION_FAILED'],
    ],
  ]);
});
