/** Static members of a consumer group (KIP-345) leave for a while, and come back under another member id. */
import { describe, expect, it } from 'vitest';
import { GroupBench } from '../support/group-bench.ts';

const I = { instanceId: 'i' };

function bench(): GroupBench {
  const b = new GroupBench();
  b.createTopic('foo', 4);
  b.join('a', ['foo'], I);
  b.join('b', ['foo']);
  b.beat('a', 2, { ...I, owned: { foo: [0, 1] } });
  b.beat('b', 3);
  b.transcript();
  return b;
}

describe('a static member that leaves with -2', () => {
  it('keeps its assignment', () => {
    const b = bench();
    b.beat('a', -2, I);
    expect(b.transcript()).toEqual(['write #5 a epoch -2 STABLE foo:0,1', 'a < epoch -2']);
    b.beat('b', 3);
    expect(b.transcript()).toEqual(['b < epoch 3']);
    expect(b.rebalances).toHaveLength(2);
  });

  it('gets its assignment back under another id, without a rebalance', () => {
    const b = bench();
    b.beat('a', -2, I);
    b.transcript();
    b.join('a2', ['foo'], I);
    expect(b.transcript()).toEqual([
      'write #6 no assignment of a, target a none, no member a, member a2=i [foo], target a2 foo:0,1, ' +
        'a2 epoch 0 STABLE foo:0,1, a2 epoch 3 STABLE foo:0,1',
      'a2 < epoch 3 foo:0,1',
    ]);
    b.beat('b', 3);
    expect(b.transcript()).toEqual(['b < epoch 3']);
  });

  it('gets its assignment back under the same id', () => {
    const b = bench();
    b.beat('a', -2, I);
    b.join('a', ['foo'], I);
    expect(b.transcript().at(-1)).toBe('a < epoch 3 foo:0,1');
    expect(b.described('a').memberEpoch).toBe(3);
  });

  it('causes a rebalance if it comes back with another subscription', () => {
    const b = bench();
    b.createTopic('bar', 1);
    b.beat('a', -2, I);
    b.join('a2', ['bar'], I);
    expect(b.transcript().at(-1)).toBe('a2 < epoch 4 bar:0');
    expect(b.rebalances.at(-1)).toMatchObject({ cause: 'subscription-changed', memberId: 'a2' });
  });

  it('has no time limit for giving up partitions', () => {
    for (const restarts of [false, true]) {
      const b = new GroupBench();
      b.createTopic('foo', 4);
      b.join('a', ['foo'], { ...I, rebalanceTimeoutMs: 10_000 });
      b.join('b', ['foo']);
      b.beat('a', 2, I);
      expect(b.transcript().at(-2)).toContain('a epoch 2 UNREVOKED_PARTITIONS foo:0,1 revokes foo:2,3');
      b.beat('a', -2, I);
      expect(b.transcript().at(-1)).toBe('a < epoch -2');
      if (restarts) b.restart();
      b.port.advance(44_999);
      expect(b.described('a').memberEpoch).toBe(-2);
    }
  });

  it('loses its assignment when its session ends', () => {
    const b = bench();
    b.port.advance(30_000);
    b.beat('b', 3);
    b.beat('a', -2, I);
    b.port.advance(15_000);
    b.beat('b', 3);
    expect(b.transcript().at(-1)).toBe('b < epoch 4 foo:0,1,2,3');
  });

  it('no longer holds the partitions that it had to give up', () => {
    const b = new GroupBench();
    b.createTopic('foo', 4);
    b.join('z', ['foo'], I);
    b.join('b', ['foo']);
    b.beat('z', 2, I);
    expect(b.transcript().at(-1)).toBe('z < epoch 2 foo:0,1');
    b.beat('b', 3);
    expect(b.transcript().at(-1)).toBe('b < epoch 3');
    b.beat('z', -2, I);
    b.beat('b', 3);
    expect(b.transcript().at(-1)).toBe('b < epoch 3 foo:2,3');
  });

  it('is replaced by a new member, which stays after the end of the old session', () => {
    const b = bench();
    b.beat('a', -2, I);
    b.join('a2', ['foo'], I);
    b.port.advance(30_000);
    b.beat('a2', 3, I);
    b.beat('b', 3);
    b.port.advance(30_000);
    expect(b.described('a2').memberEpoch).toBe(3);
  });
});

describe('an instance id', () => {
  it('of a member that has not left cannot be taken over by a new member', () => {
    const b = bench();
    b.join('a2', ['foo'], I);
    expect(b.transcript()).toEqual([
      'a2 < UNRELEASED_INSTANCE_ID Static member a2 with instance id i cannot join the group because the ' +
        'instance id is owned by a member.',
    ]);
  });

  it('of another member makes heartbeats and leaves fail with FENCED_INSTANCE_ID', () => {
    const b = bench();
    b.beat('b', 3, I);
    b.beat('b', -1, I);
    b.beat('b', -2, I);
    expect(b.transcript()).toEqual(
      Array.from(
        { length: 3 },
        () => 'b < FENCED_INSTANCE_ID Static member b with instance id i was fenced by member a.',
      ),
    );
  });

  it('that is unknown is refused', () => {
    const b = bench();
    b.beat('a', 3, { instanceId: 'x' });
    b.beat('a', -2, { instanceId: 'x' });
    expect(b.transcript()).toEqual([
      'a < UNKNOWN_MEMBER_ID Instance id x is unknown.',
      'a < UNKNOWN_MEMBER_ID Instance id x is unknown.',
    ]);
  });

  it('is free after a leave with -1', () => {
    const b = bench();
    b.beat('a', -1, I);
    b.join('a2', ['foo'], I);
    expect(b.transcript().at(-1)).toMatch(/^a2 < epoch 5/);
  });

  it('is known after a restart', () => {
    const b = bench();
    b.beat('a', -2, I);
    b.restart();
    b.join('a2', ['foo'], I);
    expect(b.transcript().at(-1)).toBe('a2 < epoch 3 foo:0,1');
  });
});

it('fences a static member that sends a wrong epoch', () => {
  const b = bench();
  b.beat('a', 9, I);
  expect(b.transcript()[0]).toContain('a < FENCED_MEMBER_EPOCH');
});
