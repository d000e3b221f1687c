/** Goal: a deletion reaches each leader, is retried where that may help, and reports what failed. */
import { apis, ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { deleteRecords } from '../../src/index.ts';
import { PlayedCluster } from '../support/played-cluster.ts';

class Deleting {
  readonly cluster = PlayedCluster.ledBy(4, 5);
  readonly ends: unknown[] = [];

  constructor(timeoutMs = 1_000) {
    deleteRecords({
      clock: this.cluster.clock,
      cluster: this.cluster.view,
      timeoutMs,
      wanted: [
        { topic: 'events', partition: 0, offset: 7 },
        { topic: 'events', partition: 1, offset: -1 },
      ],
      done: (deleted, failed) =>
        this.ends.push(
          deleted.map(({ partition, lowWatermark }) => [partition, lowWatermark]),
          [...failed].sort(),
        ),
    });
  }

  /** Answers the request at this port. Returns its offset and its timeout. */
  tells(port: number, told: { lowWatermark?: number; errorCode?: number }) {
    const partitions = [{ partitionIndex: port - 4, errorCode: 0, lowWatermark: -1, ...told }];
    const answer = { topics: [{ name: 'events', partitions }] } as never;
    const { topics, timeoutMs } = this.cluster.net.to(port).answer(apis.deleteRecords, answer);
    return [topics[0]?.partitions[0]?.offset, timeoutMs];
  }
}

test('each leader gets its partitions, and the time that the call has left', () => {
  const deleting = new Deleting();
  expect(deleting.tells(5, { lowWatermark: 12 })).toEqual([-1, 1_000]);
  expect(deleting.tells(4, { lowWatermark: 7 })).toEqual([7, 1_000]);
  expect(deleting.ends).toEqual([
    [
      [1, 12],
      [0, 7],
    ],
    [],
  ]);
});

test('the client waits for a leader that uses all of its time, although other requests have a shorter timeout', () => {
  const deleting = new Deleting(2_500);
  deleting.tells(5, { lowWatermark: 12 });
  deleting.cluster.clock.advance(2_501);
  deleting.tells(4, { errorCode: ErrorCode.REQUEST_TIMED_OUT });
  expect(deleting.ends[1]).toEqual([['events-0', 'REQUEST_TIMED_OUT']]);
});

test.each([ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.REQUEST_TIMED_OUT])(
  'after error %i the client repeats the deletion, at this leader alone',
  (errorCode) => {
    const deleting = new Deleting();
    deleting.tells(5, { lowWatermark: 12 });
    deleting.tells(4, { errorCode });
    deleting.cluster.clock.advance(100);
    expect(deleting.cluster.net.to(5).waiting).toEqual([]);
    expect(deleting.tells(4, { lowWatermark: 7 })).toEqual([7, 900]);
    expect(deleting.ends[1]).toEqual([]);
  },
);

test('the errors OFFSET_OUT_OF_RANGE and POLICY_VIOLATION are final', () => {
  const deleting = new Deleting();
  deleting.tells(5, { errorCode: ErrorCode.POLICY_VIOLATION });
  deleting.tells(4, { errorCode: ErrorCode.OFFSET_OUT_OF_RANGE });
  expect(deleting.ends).toEqual([
    [],
    [
      ['events-0', 'OFFSET_OUT_OF_RANGE'],
      ['events-1', 'POLICY_VIOLATION'],
    ],
  ]);
});
