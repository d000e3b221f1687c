/**
 * Goal: OffsetCommit, OffsetFetch and OffsetDelete work as in Kafka, and no answer shows an offset whose
 * record is not committed. Method: each test compares a transcript of decisions and answers.
 */
import { ZERO_UUID } from '@millrace/base';
import { decodeGroupRecord, ErrorCode } from '@millrace/protocol';
import { describe, expect, it } from 'vitest';
import { commitTopics, ids, OffsetsShard } from '../support/offsets-shard.ts';

/** The values of the records of the last decision. */
function lastValues(shard: OffsetsShard) {
  return shard.port.decisions.at(-1)!.map(({ key, value }) => decodeGroupRecord(key, value)!.value);
}

describe('OffsetCommit', () => {
  it('is one decision, and is answered when the decision is committed', () => {
    const shard = new OffsetsShard();
    shard.commit('g', 'orders', { 0: { offset: 5 }, 7: { offset: 6 } });
    expect(shard.port.transcript()).toEqual(['write #1 g orders-0=5, g orders-7=6']);
    expect(shard.settle()).toEqual(['commit g orders-0 NONE', 'commit g orders-7 NONE']);
  });

  it('keeps offset, leader epoch and metadata, and stamps the time and the topic id', () => {
    const shard = new OffsetsShard(true);
    shard.commit('g', 'orders', { 0: { offset: 5, epoch: 3, metadata: 'm' } });
    shard.fetch('g', { orders: [0] });
    expect(shard.port.transcript().at(-1)).toBe('fetch g: orders-0 5 epoch 3 "m"');
    expect(lastValues(shard)).toEqual([
      {
        offset: 5,
        leaderEpoch: 3,
        metadata: 'm',
        commitTimestamp: shard.port.wallMs(),
        expireTimestamp: -1,
        topicId: ids.orders,
      },
    ]);
  });

  it('answers OFFSET_METADATA_TOO_LARGE for the partition with the long metadata only', () => {
    const shard = new OffsetsShard(true);
    shard.commit('g', 'orders', {
      0: { offset: 5, metadata: '0123456789' },
      1: { offset: 5, metadata: '01234567890' },
    });
    expect(shard.port.transcript()).toEqual([
      'write #1 g orders-0=5',
      'commit g orders-0 NONE',
      'commit g orders-1 OFFSET_METADATA_TOO_LARGE',
    ]);
    shard.commit('g', 'orders', { 1: { offset: 5, metadata: '01234567890' } });
    expect(shard.port.transcript()).toEqual(['commit g orders-1 OFFSET_METADATA_TOO_LARGE']);
  });

  it('like Kafka, counts the metadata in UTF-16 code units', () => {
    const shard = new OffsetsShard(true);
    shard.commit('g', 'orders', { 0: { offset: 5, metadata: 'ääääääääää' } });
    expect(shard.port.transcript().at(-1)).toBe('commit g orders-0 NONE');
  });

  it('stores null metadata as an empty text', () => {
    const shard = new OffsetsShard(true);
    shard.commit('g', 'orders', { 0: { offset: 5, metadata: null } });
    expect(lastValues(shard)).toMatchObject([{ metadata: '' }]);
  });

  it('accepts any offset and any partition', () => {
    const shard = new OffsetsShard(true);
    shard.commit('g', 'orders', { 0: { offset: -7 }, 2147483647: { offset: Number.MAX_SAFE_INTEGER } });
    shard.fetch('g');
    expect(shard.port.transcript().at(-1)).toBe(
      `fetch g: orders-0 -7, orders-2147483647 ${Number.MAX_SAFE_INTEGER}`,
    );
  });

  it('succeeds at once without topics', () => {
    const { offsets } = new OffsetsShard();
    let results: unknown;
    offsets.commit('g', [], -1, (answer) => {
      results = answer;
    });
    expect(results).toEqual([]);
  });

  it('stores the last entry if the request names a partition twice', () => {
    const shard = new OffsetsShard(true);
    const twice = [
      ...commitTopics('orders', { 0: { offset: 5 } }),
      ...commitTopics('orders', { 0: { offset: 4 } }),
    ];
    shard.offsets.commit('g', twice, -1, () => {});
    shard.fetch('g');
    expect(shard.port.transcript().at(-1)).toBe('fetch g: orders-0 4');
    expect(shard.offsets.size).toBe(1);
  });

  it('has the topic id of the request in its answer', () => {
    const { offsets } = new OffsetsShard(true);
    const topics = commitTopics('orders', { 0: { offset: 5 } }).map((topic) => ({
      ...topic,
      topicId: ids.orders!,
    }));
    offsets.commit('g', topics, -1, (results) => expect(results).toMatchObject([{ topicId: ids.orders }]));
    expect.assertions(1);
  });

  it('writes an explicit retention time as an expiry time, in version 1 of the record', () => {
    const shard = new OffsetsShard(true);
    shard.commit('g', 'orders', { 0: { offset: 5, epoch: 3 } }, 1000);
    const expireTimestamp = shard.port.wallMs() + 1000;
    expect(lastValues(shard)).toMatchObject([{ expireTimestamp, leaderEpoch: -1, topicId: ZERO_UUID }]);
    shard.fetch('g');
    expect(shard.port.transcript().at(-1)).toBe('fetch g: orders-0 5');
  });

  it.each([
    [ErrorCode.COORDINATOR_NOT_AVAILABLE, 'COORDINATOR_NOT_AVAILABLE'],
    [ErrorCode.UNKNOWN_SERVER_ERROR, 'UNKNOWN_SERVER_ERROR'],
  ])(
    'changes nothing if the log refuses the records with error %i, and answers each partition with this error',
    (code, name) => {
      const shard = new OffsetsShard(true);
      shard.port.refusal = code;
      shard.commit('g', 'orders', { 0: { offset: 5 }, 1: { offset: 5, metadata: '01234567890' } });
      expect(shard.port.transcript().slice(1)).toEqual([
        `commit g orders-0 ${name}`,
        `commit g orders-1 ${name}`,
      ]);
      expect(shard.offsets.size).toBe(0);
    },
  );

  it('answers COORDINATOR_NOT_AVAILABLE if the records are not committed in time', () => {
    const shard = new OffsetsShard();
    shard.commit('g', 'orders', { 0: { offset: 5 } });
    shard.port.timeOutCommits();
    expect(shard.port.transcript().at(-1)).toBe('commit g orders-0 COORDINATOR_NOT_AVAILABLE');
  });

  it('answers NOT_COORDINATOR if the leadership ends before the records are committed', () => {
    const shard = new OffsetsShard();
    shard.commit('g', 'orders', { 0: { offset: 5 } });
    shard.port.end();
    shard.offsets.ended(ErrorCode.NOT_COORDINATOR);
    expect(shard.port.transcript().at(-1)).toBe('commit g orders-0 NOT_COORDINATOR');
  });
});

describe('OffsetFetch', () => {
  it('answers -1, empty metadata and no error for a partition without an offset, and for an unknown group', () => {
    const shard = new OffsetsShard(true);
    shard.commit('g', 'orders', { 1: { offset: 5 } });
    shard.fetch('g', { orders: [0, 1, 2], unknown: [0] });
    shard.fetch('other', { orders: [0] });
    expect(shard.port.transcript().slice(-2)).toEqual([
      'fetch g: orders-0 -1, orders-1 5, orders-2 -1, unknown-0 -1',
      'fetch other: orders-0 -1',
    ]);
    shard.offsets.fetch('g', [{ name: 'x', topicId: ZERO_UUID, partitionIndexes: [0] }], false, (result) =>
      expect(result.topics[0]!.partitions).toEqual([
        { partitionIndex: 0, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode: 0 },
      ]),
    );
  });

  it('if topics is null, answers all offsets of the group; for an unknown group, none', () => {
    const shard = new OffsetsShard(true);
    shard.commit('g', 'orders', { 3: { offset: 5 }, 1: { offset: 4 } });
    shard.commit('g', 'bills', { 0: { offset: 6 } });
    shard.port.transcript();
    shard.fetch('g');
    shard.fetch('other');
    expect(shard.port.transcript()).toEqual([
      'fetch g: orders-1 4, orders-3 5, bills-0 6',
      'fetch other: nothing',
    ]);
    shard.offsets.fetch('g', null, false, ({ topics }) =>
      expect(topics.map(({ topicId }) => topicId)).toEqual([ids.orders, ids.bills]),
    );
  });

  it('waits until the offsets that it read are committed, but not for later commits or other groups', () => {
    const shard = new OffsetsShard();
    shard.commit('g', 'orders', { 0: { offset: 5 } });
    shard.commit('other', 'orders', { 0: { offset: 1 } });
    shard.fetch('g');
    shard.commit('g', 'orders', { 0: { offset: 6 } });
    shard.port.transcript();
    shard.port.commit(1);
    expect(shard.port.transcript()).toEqual(['commit g orders-0 NONE', 'fetch g: orders-0 5']);
    expect(shard.settle()).toEqual(['commit other orders-0 NONE', 'commit g orders-0 NONE']);
    shard.fetch('g');
    expect(shard.port.transcript()).toEqual(['fetch g: orders-0 6']);
  });

  it('waits until the removal of the last offset is committed', () => {
    const shard = new OffsetsShard();
    shard.commit('g', 'orders', { 0: { offset: 5 } });
    shard.settle();
    shard.delete('g', { orders: [0] });
    shard.fetch('g');
    shard.delete('g', { orders: [0] });
    expect(shard.port.transcript()).toEqual(['write #2 g orders-0=']);
    expect(shard.settle()).toEqual([
      'delete g NONE',
      'delete g orders-0 NONE',
      'fetch g: nothing',
      'delete g NONE',
      'delete g orders-0 NONE',
    ]);
  });

  it('like Kafka, answers NOT_COORDINATOR if the offsets are not committed in time', () => {
    const shard = new OffsetsShard();
    shard.commit('g', 'orders', { 0: { offset: 5 } });
    shard.fetch('g');
    shard.port.timeOutCommits();
    expect(shard.port.transcript().at(-1)).toBe('fetch g: NOT_COORDINATOR');
  });

  it('answers UNSTABLE_OFFSET_COMMIT for a pending transactional commit if the client requires stable offsets', () => {
    const shard = new OffsetsShard(true);
    shard.commit('g', 'orders', { 0: { offset: 5 }, 1: { offset: 6 } });
    shard.pending.add('g orders-0').add('g orders-2');
    shard.port.transcript();
    shard.fetch('g', { orders: [0, 1, 2] }, true);
    shard.fetch('g', null, true);
    shard.fetch('g', { orders: [0, 1, 2] });
    expect(shard.port.transcript()).toEqual([
      'fetch g: orders-0 -1 UNSTABLE_OFFSET_COMMIT, orders-1 6, orders-2 -1 UNSTABLE_OFFSET_COMMIT',
      'fetch g: orders-0 -1 UNSTABLE_OFFSET_COMMIT, orders-1 6',
      'fetch g: orders-0 5, orders-1 6, orders-2 -1',
    ]);
  });

  it('does not show the offsets of a deleted topic for a new topic with the same name', () => {
    const shard = new OffsetsShard(true);
    shard.commit('g', 'orders', { 0: { offset: 5 } });
    shard.deleteTopic('orders');
    shard.createTopic('orders', ids['orders again']);
    shard.port.transcript();
    shard.fetch('g');
    shard.fetch('g', { orders: [0] });
    shard.offsets.fetch(
      'g',
      [{ name: 'orders', topicId: ids['orders again']!, partitionIndexes: [0] }],
      false,
      (result) =>
        expect(result.topics).toMatchObject([
          { topicId: ids['orders again'], partitions: [{ committedOffset: -1 }] },
        ]),
    );
    expect(shard.port.transcript()).toEqual(['fetch g: nothing', 'fetch g: orders-0 -1']);
  });
});

describe('OffsetDelete', () => {
  it('removes the offsets, and answers NONE for each partition, even for one without an offset', () => {
    const shard = new OffsetsShard();
    shard.commit('g', 'orders', { 0: { offset: 5 }, 1: { offset: 6 } });
    shard.settle();
    shard.delete('g', { orders: [0, 9] });
    expect(shard.port.transcript()).toEqual(['write #2 g orders-0=']);
    expect(shard.settle()).toEqual(['delete g NONE', 'delete g orders-0 NONE', 'delete g orders-9 NONE']);
    shard.fetch('g');
    expect(shard.port.transcript()).toEqual(['fetch g: orders-1 6']);
  });

  it('answers GROUP_SUBSCRIBED_TO_TOPIC for a subscribed topic, and removes the offsets of other topics', () => {
    const shard = new OffsetsShard(true);
    shard.commit('g', 'orders', { 0: { offset: 5 } });
    shard.commit('g', 'bills', { 0: { offset: 5 } });
    shard.port.transcript();
    shard.delete('g', { orders: [0, 1], bills: [0] }, ['orders']);
    expect(shard.port.transcript()).toEqual([
      'write #3 g bills-0=',
      'delete g NONE',
      'delete g orders-0 GROUP_SUBSCRIBED_TO_TOPIC',
      'delete g orders-1 GROUP_SUBSCRIBED_TO_TOPIC',
      'delete g bills-0 NONE',
    ]);
  });

  it('answers with an error for the whole group if the log refuses the records', () => {
    const shard = new OffsetsShard(true);
    shard.commit('g', 'orders', { 0: { offset: 5 } });
    shard.port.refusal = ErrorCode.COORDINATOR_NOT_AVAILABLE;
    shard.delete('g', { orders: [0] });
    expect(shard.port.transcript().slice(-1)).toEqual(['delete g COORDINATOR_NOT_AVAILABLE']);
    expect(shard.offsets.sizeOf('g')).toBe(1);
  });
});

describe('the deletion of topics', () => {
  it('removes their offsets in every group', () => {
    const shard = new OffsetsShard(true);
    for (const group of ['a', 'b']) shard.commit(group, 'orders', { 0: { offset: 5 }, 1: { offset: 6 } });
    shard.commit('a', 'bills', { 0: { offset: 7 } });
    shard.port.transcript();
    shard.offsets.metadataChanged(shard.deleteTopic('orders'));
    expect(shard.port.transcript()).toEqual(['write #4 a orders-1=, a orders-0=, b orders-1=, b orders-0=']);
    expect([...shard.offsets.groupIds()]).toEqual(['a']);
  });

  it('writes nothing if no group has offsets of the deleted topics', () => {
    const shard = new OffsetsShard(true);
    shard.commit('a', 'bills', { 0: { offset: 7 } });
    shard.port.transcript();
    shard.offsets.metadataChanged(shard.deleteTopic('orders'));
    expect(shard.port.transcript()).toEqual([]);
  });

  it('keeps the offsets of a new topic with the same name, but removes offsets without a topic id', () => {
    const shard = new OffsetsShard(true);
    shard.commit('g', 'orders', { 0: { offset: 5 } });
    shard.commit('g', 'orders', { 1: { offset: 6 } }, 1000);
    const deleted = shard.deleteTopic('orders');
    const created = shard.createTopic('orders', ids['orders again']);
    shard.commit('g', 'orders', { 2: { offset: 7 } });
    shard.port.transcript();
    shard.offsets.metadataChanged(deleted.merge(created));
    expect(shard.port.transcript()).toEqual(['write #4 g orders-1=, g orders-0=']);
  });
});

it('lists every offset by its group', () => {
  const shard = new OffsetsShard();
  shard.commit('a', 'orders', { 0: { offset: 5 } });
  shard.commit('b', 'bills', { 1: { offset: 6 } });
  const seen = Array.from(shard.offsets.byGroup, ([group, { topics }]) =>
    Array.from(topics, ([topic, offsets]) =>
      offsets.map(({ partition, offset }) => `${group} ${topic}-${partition} ${offset}`),
    ),
  );
  expect(seen.flat(2)).toEqual(['a orders-0 5', 'b bills-1 6']);
});
