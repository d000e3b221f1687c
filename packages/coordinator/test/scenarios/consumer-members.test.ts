/** Members of a consumer group join, stay and leave. Answers are lost, epochs are fenced, sessions end. */
import { ErrorCode } from '@millrace/protocol';
import { describe, expect, it } from 'vitest';
import { GroupBench } from '../support/group-bench.ts';

function bench(settings = {}): GroupBench {
  const group = new GroupBench(settings);
  group.createTopic('foo', 4);
  return group;
}

describe('a member that joins', () => {
  it('gets all partitions if it is alone', () => {
    const b = bench();
    b.join('a', ['foo']);
    expect(b.transcript()).toEqual([
      'write #1 member a [foo], group epoch 2, target a foo:0,1,2,3, assignment epoch 2, ' +
        'a epoch 2 STABLE foo:0,1,2,3',
      'a < epoch 2 foo:0,1,2,3',
    ]);
    expect(b.group.stateName).toBe('Stable');
  });

  it('waits for partitions that another member must give up', () => {
    const b = bench();
    b.settle('a');
    b.join('b', ['foo']);
    expect(b.transcript()).toEqual([
      'write #2 member b [foo], group epoch 3, target a foo:0,1, target b foo:2,3, assignment epoch 3, ' +
        'b epoch 3 UNRELEASED_PARTITIONS -',
      'b < epoch 3 -',
    ]);
    b.beat('a', 2);
    expect(b.transcript()).toEqual([
      'write #3 a epoch 2 UNREVOKED_PARTITIONS foo:0,1 revokes foo:2,3',
      'a < epoch 2 foo:0,1',
    ]);
    b.beat('b', 3);
    expect(b.transcript()).toEqual(['b < epoch 3']);
    b.beat('a', 2, { owned: { foo: [0, 1] } });
    expect(b.transcript()).toEqual(['write #4 a epoch 3 STABLE foo:0,1', 'a < epoch 3']);
    b.beat('b', 3);
    expect(b.transcript()).toEqual(['write #5 b epoch 3 STABLE foo:2,3', 'b < epoch 3 foo:2,3']);
    expect(b.group.stateName).toBe('Stable');
  });

  it('as the third one makes only one of the other members give up partitions', () => {
    const b = bench();
    b.settle('a', 'b');
    b.join('c', ['foo']);
    b.transcript();
    b.beat('a', b.described('a').memberEpoch);
    b.beat('b', b.described('b').memberEpoch);
    expect(b.transcript().filter((line) => line.includes('revokes'))).toHaveLength(1);
  });

  it('may subscribe to no topic, and then gets no partitions', () => {
    const b = bench();
    b.join('a', []);
    expect(b.transcript()).toEqual(['write #1 member a [], a epoch 1 STABLE -', 'a < epoch 1 -']);
    expect(b.group.exists).toBe(true);
    expect(b.rebalances).toEqual([]);
  });

  it('may subscribe to a topic that does not exist yet', () => {
    const b = bench();
    b.join('a', ['bar']);
    expect(b.transcript()).toEqual([
      'write #1 member a [bar], group epoch 2, target a -, assignment epoch 2, a epoch 2 STABLE -',
      'a < epoch 2 -',
    ]);
    b.createTopic('bar', 1);
    b.beat('a', 2);
    expect(b.transcript()).toEqual([
      'write #2 group epoch 3, target a bar:0, assignment epoch 3, a epoch 3 STABLE bar:0',
      'a < epoch 3 bar:0',
    ]);
  });

  it('gets its member id from the coordinator in version 0', () => {
    const b = bench();
    b.join('', ['foo']);
    expect(b.transcript().at(-1)).toBe('generated < epoch 2 foo:0,1,2,3');
  });

  it('is refused by a full group, but a member of this group may join again', () => {
    const b = bench({ maxSize: 1 });
    b.settle('a');
    b.join('b', ['foo']);
    expect(b.transcript()).toEqual([
      'b < GROUP_MAX_SIZE_REACHED The consumer group has reached its maximum capacity of 1 members.',
    ]);
    b.join('a', ['foo']);
    expect(b.transcript()).toEqual(['a < epoch 2 foo:0,1,2,3']);
  });

  it('a second time gets the same assignment, without a rebalance', () => {
    const b = bench();
    b.settle('a');
    b.join('a', ['foo']);
    expect(b.transcript()).toEqual(['a < epoch 2 foo:0,1,2,3']);
  });
});

describe('a heartbeat', () => {
  it('that changes nothing writes nothing, and gets no assignment in its answer', () => {
    const b = bench();
    b.settle('a');
    b.beat('a', 2);
    expect(b.transcript()).toEqual(['a < epoch 2']);
  });

  it('with all fields gets the assignment in its answer', () => {
    const b = bench();
    b.settle('a');
    b.beat('a', 2, { rebalanceTimeoutMs: 60_000, subscribedTopicNames: ['foo'], owned: { foo: [0] } });
    expect(b.transcript()).toEqual(['a < epoch 2 foo:0,1,2,3']);
  });

  it('of an unknown member is refused', () => {
    const b = bench();
    b.settle('a');
    b.beat('b', 2);
    expect(b.transcript()).toEqual(['b < UNKNOWN_MEMBER_ID Member b is not a member of group g.']);
  });

  it('with a greater epoch is fenced', () => {
    const b = bench();
    b.settle('a');
    b.beat('a', 3);
    expect(b.transcript()).toEqual([
      'a < FENCED_MEMBER_EPOCH The consumer group member has a greater member epoch (3) than the one known by ' +
        'the group coordinator (2). The member must abandon all its partitions and rejoin.',
    ]);
  });

  it('with the previous epoch is accepted after a lost answer, if the member owns only assigned partitions', () => {
    const b = bench();
    b.settle('a');
    b.growTopic('foo', 5);
    b.beat('a', 2);
    expect(b.transcript().at(-1)).toBe('a < epoch 3 foo:0,1,2,3,4');
    b.beat('a', 2, { owned: { foo: [0, 1, 2, 3] } });
    expect(b.transcript()).toEqual(['a < epoch 3 foo:0,1,2,3,4']);
  });

  it('with the previous epoch gets the lost assignment, and the member makes its next step later', () => {
    const b = bench();
    b.settle('a', 'b');
    b.beat('b', -1);
    b.beat('a', 3);
    expect(b.transcript().at(-1)).toBe('a < epoch 4 foo:0,1,2,3');
    b.join('c', ['foo']);
    b.transcript();
    // This heartbeat may be a late copy of an earlier one, so the member may own foo:2,3 by now.
    b.beat('a', 3, { owned: { foo: [0, 1] } });
    expect(b.transcript()).toEqual(['a < epoch 4 foo:0,1,2,3']);
    b.beat('a', 4);
    expect(b.transcript()).toEqual([
      'write #9 a epoch 4 UNREVOKED_PARTITIONS foo:0,1 revokes foo:2,3',
      'a < epoch 4 foo:0,1',
    ]);
  });

  it('with the previous epoch and another subscription makes the next step of the member at once', () => {
    const b = bench();
    b.createTopic('bar', 1);
    b.settle('a');
    b.growTopic('foo', 5);
    b.beat('a', 2);
    b.transcript();
    b.beat('a', 2, { owned: {}, subscribedTopicNames: ['bar'] });
    expect(b.transcript().at(-1)).toBe('a < epoch 4 bar:0');
  });

  it('with the previous epoch is fenced if the member does not list its partitions, or lists others', () => {
    const b = bench();
    b.settle('a');
    b.growTopic('foo', 5);
    b.beat('a', 2);
    b.transcript();
    b.beat('a', 2);
    b.beat('a', 2, { owned: { foo: [7] } });
    b.beat('a', 2, { owned: { bar: [0] } });
    expect(b.transcript().map((line) => line.slice(0, 23))).toEqual(
      Array.from({ length: 3 }, () => 'a < FENCED_MEMBER_EPOCH'),
    );
  });

  it('with an older epoch than the previous one is fenced', () => {
    const b = bench();
    b.settle('a');
    for (const count of [5, 6]) {
      b.growTopic('foo', count);
      b.beat('a', b.described('a').memberEpoch);
    }
    b.transcript();
    b.beat('a', 2, { owned: {} });
    expect(b.transcript()[0]).toContain('a smaller member epoch (2)');
  });

  it('keeps the session alive even if the log refuses the change', () => {
    const b = bench();
    b.settle('a');
    b.port.refusal = ErrorCode.COORDINATOR_NOT_AVAILABLE;
    b.growTopic('foo', 5);
    b.port.advance(44_000);
    b.beat('a', 2);
    expect(b.transcript().at(-1)).toBe('a < COORDINATOR_NOT_AVAILABLE null');
    b.port.advance(44_000);
    expect(b.described('a').memberEpoch).toBe(2);
    b.port.refusal = ErrorCode.NONE;
    b.beat('a', 2);
    expect(b.transcript().at(-1)).toBe('a < epoch 3 foo:0,1,2,3,4');
  });

  it('is answered only when the last write of the group is committed', () => {
    const b = bench();
    b.port.commitsAtOnce = false;
    expect(b.join('a', ['foo'])).toBeUndefined();
    expect(b.beat('b', 5)).toBeUndefined();
    b.transcript();
    b.port.commit();
    expect(b.transcript().map((line) => line.split(' ').slice(0, 3).join(' '))).toEqual([
      'a < epoch',
      'b < UNKNOWN_MEMBER_ID',
    ]);
  });

  it('is answered with COORDINATOR_NOT_AVAILABLE if the write is not committed in time', () => {
    const b = bench();
    b.port.commitsAtOnce = false;
    b.join('a', ['foo']);
    b.transcript();
    b.port.timeOutCommits();
    expect(b.transcript()).toEqual(['a < COORDINATOR_NOT_AVAILABLE null']);
  });
});

describe('a member that leaves', () => {
  it('frees its partitions at once', () => {
    const b = bench();
    b.settle('a', 'b');
    b.beat('b', -1);
    expect(b.transcript()).toEqual([
      'write #6 no assignment of b, target b none, no member b, group epoch 4',
      'b < epoch -1',
    ]);
    b.beat('a', 3);
    expect(b.transcript().at(-1)).toBe('a < epoch 4 foo:0,1,2,3');
    expect(b.rebalances.at(-1)).toEqual({
      epoch: 4,
      cause: 'member-left',
      memberId: 'b',
      clientId: 'c',
      clientHost: '/h',
    });
  });

  it('gets UNKNOWN_MEMBER_ID if the group does not have it', () => {
    const b = bench();
    b.settle('a');
    b.beat('b', -1);
    expect(b.transcript()).toEqual(['b < UNKNOWN_MEMBER_ID Member b is not a member of group g.']);
  });

  it('as the last one makes the group empty', () => {
    const b = bench();
    b.settle('a');
    b.beat('a', -1);
    expect([b.group.stateName, b.group.isEmpty, b.group.exists]).toEqual(['Empty', true, true]);
    expect(b.port.timerCount).toBe(0);
  });

  it('remains a member if the log refuses the change', () => {
    const b = bench();
    b.settle('a');
    b.port.refusal = ErrorCode.COORDINATOR_NOT_AVAILABLE;
    b.beat('a', -1);
    expect(b.transcript().at(-1)).toBe('a < COORDINATOR_NOT_AVAILABLE null');
    expect(b.group.isEmpty).toBe(false);
  });
});

describe('a session', () => {
  it('ends if no heartbeat comes in time, and the group removes the member', () => {
    const b = bench();
    b.settle('a', 'b');
    b.port.advance(30_000);
    b.beat('a', 3);
    b.port.advance(15_000);
    expect(b.transcript()).toEqual([
      'a < epoch 3',
      'write #6 no assignment of b, target b none, no member b, group epoch 4',
    ]);
    expect(b.rebalances.at(-1)).toMatchObject({ cause: 'session-expired', memberId: 'b', afterMs: 45_000 });
    b.port.advance(29_000);
    expect(b.transcript()).toEqual([]);
  });

  it('takes its timeout from the current settings with each heartbeat', () => {
    const b = bench();
    b.settle('a');
    b.settings = { ...b.settings, sessionTimeoutMs: 10_000 };
    b.beat('a', 2);
    b.port.advance(10_000);
    expect(b.group.isEmpty).toBe(true);
  });

  it('that ended removes its member later if the log refuses the change at first', () => {
    const b = bench();
    b.settle('a');
    b.port.refusal = ErrorCode.COORDINATOR_NOT_AVAILABLE;
    b.port.advance(45_000);
    expect(b.group.isEmpty).toBe(false);
    b.port.refusal = ErrorCode.NONE;
    b.port.advance(500);
    expect(b.group.isEmpty).toBe(true);
  });

  it('starts again when the coordinator loads the group', () => {
    const b = bench();
    b.settle('a');
    b.port.advance(44_000);
    b.restart();
    b.port.advance(44_000);
    expect(b.group.isEmpty).toBe(false);
    b.port.advance(1_000);
    expect(b.group.isEmpty).toBe(true);
  });
});

describe('a member that must give up partitions', () => {
  function revoking(): GroupBench {
    const b = bench();
    b.settle('a');
    b.join('b', ['foo']);
    b.beat('a', 2);
    b.transcript();
    return b;
  }

  it('is removed after its rebalance timeout, although it sends heartbeats', () => {
    const b = revoking();
    for (let i = 0; i < 5; i++) {
      b.port.advance(10_000);
      b.beat('a', 2, { owned: { foo: [0, 1, 2, 3] } });
      b.beat('b', 3);
    }
    b.transcript();
    b.port.advance(10_000);
    expect(b.transcript()).toEqual([
      'write #4 no assignment of a, target a none, no member a, group epoch 4',
    ]);
    expect(b.rebalances.at(-1)).toMatchObject({ cause: 'rebalance-timeout', memberId: 'a', afterMs: 60_000 });
    b.beat('b', 3);
    expect(b.transcript().at(-1)).toBe('b < epoch 4 foo:0,1,2,3');
  });

  it('has the whole timeout again after a restart of the coordinator', () => {
    const b = revoking();
    b.restart();
    b.port.advance(40_000);
    b.beat('a', 2);
    b.port.advance(19_999);
    expect(b.described('a').memberEpoch).toBe(2);
    b.port.advance(1);
    expect(() => b.described('a')).toThrow();
  });

  it('stays if it confirms in time', () => {
    const b = revoking();
    b.beat('a', 2, { owned: { foo: [0] } });
    b.port.advance(44_000);
    b.beat('a', 3);
    b.port.advance(30_000);
    expect(b.described('a').memberEpoch).toBe(3);
  });

  it('moves to the newest target as soon as it confirms that it gave up the partitions', () => {
    const b = revoking();
    b.join('c', ['foo']);
    b.join('d', ['foo']);
    b.transcript();
    b.beat('a', 2, { owned: { foo: [0, 1] } });
    expect(b.transcript()).toEqual([
      'write #6 a epoch 2 UNREVOKED_PARTITIONS foo:0 revokes foo:1',
      'a < epoch 2 foo:0',
    ]);
    b.beat('a', 2, { owned: { foo: [0] } });
    expect(b.transcript()).toEqual(['write #7 a epoch 5 STABLE foo:0', 'a < epoch 5']);
  });

  it('has given up these partitions when it joins again', () => {
    const b = revoking();
    b.join('a', ['foo']);
    expect(b.transcript()).toEqual(['write #4 a epoch 3 STABLE foo:0,1', 'a < epoch 3 foo:0,1']);
  });
});

describe('a subscription', () => {
  it('that changes raises the group epoch, and the member gives up the old topic first', () => {
    const b = bench();
    b.createTopic('bar', 1);
    b.settle('a');
    b.beat('a', 2, { subscribedTopicNames: ['bar'] });
    expect(b.transcript()).toEqual([
      'write #2 member a [bar], group epoch 3, target a bar:0, assignment epoch 3, ' +
        'a epoch 2 UNREVOKED_PARTITIONS - revokes foo:0,1,2,3',
      'a < epoch 2 -',
    ]);
    b.beat('a', 2, { owned: {} });
    expect(b.transcript().at(-1)).toBe('a < epoch 3 bar:0');
    expect(b.rebalances.at(-1)?.cause).toBe('subscription-changed');
  });

  it('with the same topics in another order counts as unchanged', () => {
    const b = bench();
    b.createTopic('bar', 1);
    b.join('a', ['foo', 'bar']);
    b.transcript();
    b.beat('a', 2, { subscribedTopicNames: ['bar', 'foo', 'bar'] });
    expect(b.transcript()).toEqual(['a < epoch 2']);
  });

  it('that loses a topic makes the member give it up, even before the next assignment', () => {
    const b = bench({ assignmentIntervalMs: 1_000 });
    b.createTopic('bar', 1);
    b.join('a', ['foo', 'bar']);
    b.transcript();
    b.beat('a', 2, { subscribedTopicNames: ['foo'] });
    expect(b.transcript()).toEqual([
      'write #2 member a [foo], group epoch 3, a epoch 2 UNREVOKED_PARTITIONS foo:0,1,2,3 revokes bar:0',
      'a < epoch 2 foo:0,1,2,3',
    ]);
  });

  it('says which topics the group subscribes to', () => {
    const b = bench();
    b.join('a', ['foo', 'gone']);
    expect(['foo', 'gone', 'bar'].map((name) => b.group.isSubscribedTo(name))).toEqual([true, true, false]);
    b.beat('a', -1);
    expect(b.group.isSubscribedTo('foo')).toBe(false);
  });
});

describe('the rack of a member', () => {
  it('is stored, and moves no partitions', () => {
    const b = bench();
    b.settle('a');
    b.beat('a', 2, { rackId: 'r' });
    expect(b.transcript()).toEqual(['write #2 member a [foo]', 'a < epoch 2']);
    expect(b.described('a').rackId).toBe('r');
  });
});
