import type { PollOp } from '@millrace/checkers';
import { buildBatch } from '@millrace/protocol';
import { describe, expect, it } from 'vitest';
import { compactedValueUnread } from '../../src/checkers/compacted-value-unread.ts';
import { replicasDiffer } from '../../src/checkers/replicas-differ.ts';
import { SmallCluster, violationOf } from '../support/small-cluster.ts';

const encoder = new TextEncoder();

/** The topic `t` with a record of the key `k` at 0, the latest record of `k` at 1, and one of `x` at 2. */
function setUp(latest: string | null): SmallCluster {
  const small = new SmallCluster([replicasDiffer, compactedValueUnread]);
  for (const [key, value] of [
    ['k', 'v0'],
    ['k', latest],
    ['x', 'v2'],
  ] as const)
    small.produce(() =>
      buildBatch({
        baseTimestamp: 0,
        records: [{ key: encoder.encode(key), value: value === null ? null : encoder.encode(value) }],
      }),
    );
  return small;
}

const KEYS = ['k', 'k', 'x'];

/** A consumer begins at `from`, and gets the records at these offsets. */
function read(small: SmallCluster, from: number, offsets: readonly number[], facts: Partial<PollOp> = {}) {
  const { topicId } = small.replica(small.leader);
  const place = { client: 'q1', topic: 't', topicId, partition: 0, endedUs: small.world.nowUs };
  const records = offsets.map((offset) => ({
    offset,
    value: `v${offset}`,
    key: KEYS[offset]!,
    leaderEpoch: 0,
  }));
  return violationOf(() => {
    small.history.add({ type: 'assign', ...place, offset: from, why: 'earliest' });
    small.history.add({
      type: 'poll',
      ...place,
      fetchOffset: from,
      records,
      highWatermark: 3,
      brokerId: 4,
      ...facts,
    });
  });
}

describe('compacted-value-unread', () => {
  it('demands the latest record of each key', () => {
    expect(read(setUp('v1'), 0, [1, 2])).toBeUndefined();
    expect(read(setUp('v1'), 0, [0, 2])).toMatch(
      /^compacted-value-unread: q1 read t-0 from 0 to its high watermark 3 and got the record at 0 of k, but the one at 1 was committed$/,
    );
    expect(read(setUp('v1'), 0, [2])).toMatch(/got no record of k, but the one at 1/);
  });

  it('demands a tombstone until brokers may have dropped it', () => {
    expect(read(setUp(null), 0, [2])).toMatch(/got no record of k, but the one at 1/);
    const small = setUp(null);
    small.world.runUntil(small.world.nowUs + 1_000);
    for (const node of small.cluster.brokers) node.host.wallOffsetMs += 2 * 86_400_000;
    small.run(1);
    expect(read(small, 0, [0, 2])).toBeUndefined();
  });

  it('demands nothing below the first offset of the read, and nothing of a read that is not at its end', () => {
    expect(read(setUp('v1'), 2, [2])).toBeUndefined();
    expect(read(setUp('v1'), 0, [0], { highWatermark: 3 })).toBeUndefined();
  });

  it('skips a key whose later record is committed at or above the high watermark of the answer', () => {
    expect(read(setUp('v1'), 0, [0], { highWatermark: 1 })).toBeUndefined();
  });

  it('skips an exempt topic', () => {
    const small = setUp('v1');
    small.exempt.add('t');
    expect(read(small, 0, [0, 2])).toBeUndefined();
  });
});
