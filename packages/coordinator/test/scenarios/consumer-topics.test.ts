/**
 * Goal: a consumer group reacts to topics that appear, grow and vanish. Also tests regular expressions, the
 * interval between two assignments, and the choice of the assignor.
 */
import { ErrorCode } from '@millrace/protocol';
import { describe, expect, it } from 'vitest';
import { GroupBench } from '../support/group-bench.ts';

describe('a topic', () => {
  function bench(): GroupBench {
    const b = new GroupBench();
    b.createTopic('foo', 2);
    b.settle('a');
    return b;
  }

  it('that grows raises the group epoch with the next heartbeat', () => {
    const b = bench();
    b.growTopic('foo', 3);
    expect(b.transcript()).toEqual([]);
    b.beat('a', 2);
    expect(b.transcript()).toEqual([
      'write #2 group epoch 3, target a foo:0,1,2, assignment epoch 3, a epoch 3 STABLE foo:0,1,2',
      'a < epoch 3 foo:0,1,2',
    ]);
    expect(b.rebalances.at(-1)).toEqual({
      epoch: 3,
      cause: 'topic-changed',
      memberId: null,
      clientId: null,
      clientHost: null,
    });
  });

  it('that vanishes is given up', () => {
    const b = bench();
    b.deleteTopic('foo');
    b.beat('a', 2);
    expect(b.transcript().at(-1)).toBe('a < epoch 2 -');
    b.beat('a', 2, { owned: {} });
    expect(b.transcript().at(-1)).toBe('a < epoch 3');
  });

  it('that is created again has new partitions', () => {
    const b = bench();
    b.deleteTopic('foo');
    b.createTopic('foo', 2);
    b.beat('a', 2);
    expect(b.transcript().at(-1)).toBe('a < epoch 2 -');
    b.beat('a', 2, { owned: {} });
    expect(b.transcript().at(-1)).toBe('a < epoch 3 foo:0,1');
  });

  it('that the group does not subscribe to changes nothing', () => {
    const b = bench();
    b.createTopic('bar', 2);
    b.growTopic('bar', 5);
    b.beat('a', 2);
    expect(b.transcript()).toEqual(['a < epoch 2']);
  });

  it('that grew while the group had no coordinator is noticed after the next load', () => {
    const b = bench();
    b.group.ended();
    b.growTopic('foo', 3);
    b.restart();
    b.beat('a', 2);
    expect(b.transcript().at(-1)).toBe('a < epoch 3 foo:0,1,2');
  });

  it('that grew raises the group epoch with a later heartbeat if the log refuses the first attempt', () => {
    const b = bench();
    b.growTopic('foo', 3);
    b.port.refusal = ErrorCode.COORDINATOR_NOT_AVAILABLE;
    b.beat('a', 2);
    b.port.refusal = ErrorCode.NONE;
    b.beat('a', 2);
    expect(b.transcript().at(-1)).toBe('a < epoch 3 foo:0,1,2');
  });
});

describe('a regular expression', () => {
  function bench(): GroupBench {
    const b = new GroupBench();
    b.createTopic('foo1', 1);
    b.createTopic('foo2', 1);
    b.createTopic('bar', 1);
    return b;
  }

  it('is resolved after the join, and the member gets the topics with its next heartbeat', () => {
    const b = bench();
    b.joinByRegex('a', 'foo.*');
    expect(b.transcript()).toEqual(['write #1 member a []/foo.*/, a epoch 1 STABLE -', 'a < epoch 1 -']);
    b.port.advance(1);
    expect(b.transcript()).toEqual(['write #2 regex foo.* [foo1 foo2], group epoch 2']);
    expect(b.rebalances.at(-1)).toMatchObject({ cause: 'regex-changed', epoch: 2 });
    b.beat('a', 1);
    expect(b.transcript()).toEqual([
      'write #3 target a foo1:0 foo2:0, assignment epoch 2, a epoch 2 STABLE foo1:0 foo2:0',
      'a < epoch 2 foo1:0 foo2:0',
    ]);
  });

  it('must match the whole name', () => {
    const b = bench();
    b.joinByRegex('a', 'oo1|foo2');
    b.port.advance(1);
    expect(b.transcript().at(-1)).toBe('write #2 regex oo1|foo2 [foo2], group epoch 2');
  });

  it('that is not valid is refused, and the member does not join', () => {
    const b = bench();
    b.joinByRegex('a', '(foo');
    expect(b.transcript()).toEqual([
      'a < INVALID_REGULAR_EXPRESSION SubscribedTopicRegex `(foo` is not a valid regular expression: ' +
        'missing closing ).',
    ]);
    b.joinByRegex('a', '(?=foo)bar');
    expect(b.transcript()[0]).toContain('INVALID_REGULAR_EXPRESSION');
    expect(b.group.exists).toBe(false);
  });

  it('that is resolved already gives a new member its partitions at once', () => {
    const b = bench();
    b.joinByRegex('a', 'foo.*');
    b.port.advance(1);
    b.beat('a', 1);
    b.transcript();
    b.joinByRegex('b', 'foo.*');
    expect(b.transcript().at(0)).toContain('group epoch 3, target a foo1:0, target b foo2:0');
    expect(b.rebalances.at(-1)?.cause).toBe('member-joined');
  });

  it('finds a new topic with the first heartbeat after ten seconds', () => {
    const b = bench();
    b.joinByRegex('a', 'foo.*');
    b.port.advance(1);
    b.beat('a', 1);
    b.createTopic('foo3', 1);
    b.beat('a', 2);
    b.port.advance(9_999);
    b.beat('a', 2);
    b.transcript();
    b.port.advance(1);
    b.beat('a', 2);
    b.port.advance(1);
    expect(b.transcript()).toEqual(['a < epoch 2', 'write #4 regex foo.* [foo1 foo2 foo3], group epoch 3']);
  });

  it('is resolved again when the refresh interval is over', () => {
    const b = bench();
    b.settings = { ...b.settings, sessionTimeoutMs: 1_000_000 };
    b.joinByRegex('a', 'foo.*');
    b.port.advance(1);
    b.beat('a', 1);
    b.port.advance(599_999);
    b.beat('a', 2);
    b.transcript();
    b.port.advance(1);
    b.beat('a', 2);
    b.port.advance(1);
    expect(b.transcript()).toEqual(['a < epoch 2', 'write #4 regex foo.* [foo1 foo2]']);
  });

  it('is forgotten when its last member leaves', () => {
    const b = bench();
    b.joinByRegex('a', 'foo.*');
    b.joinByRegex('b', 'foo.*');
    b.port.advance(1);
    b.beat('a', -1);
    b.transcript();
    b.beat('b', -1);
    expect(b.transcript()[0]).toContain('no member b, regex foo.* none, group epoch');
    expect(b.group.isSubscribedTo('foo1')).toBe(false);
  });

  it('is forgotten when its last member changes its subscription', () => {
    const b = bench();
    b.joinByRegex('a', 'foo.*');
    b.port.advance(1);
    b.beat('a', 1);
    b.transcript();
    b.beat('a', 2, { subscribedTopicNames: ['bar'], subscribedTopicRegex: '' });
    expect(b.transcript()[0]).toBe(
      'write #4 member a [bar]//, regex foo.* none, group epoch 3, target a bar:0, assignment epoch 3, ' +
        'a epoch 2 UNREVOKED_PARTITIONS - revokes foo1:0 foo2:0',
    );
  });

  it('adds topics to those that the member subscribes to by name', () => {
    const b = bench();
    b.joinByRegex('a', 'foo1', { subscribedTopicNames: ['bar'] });
    b.port.advance(1);
    b.beat('a', b.described('a').memberEpoch);
    expect(b.transcript().at(-1)).toBe('a < epoch 3 bar:0 foo1:0');
  });

  it('is still resolved after a restart', () => {
    const b = bench();
    b.joinByRegex('a', 'foo.*');
    b.port.advance(1);
    b.beat('a', 1);
    b.restart();
    b.transcript();
    b.beat('a', 2);
    expect(b.transcript()).toEqual(['a < epoch 2']);
    expect(b.group.isSubscribedTo('foo2')).toBe(true);
  });

  it('finds a topic that appeared while the group was being loaded', () => {
    const b = bench();
    b.joinByRegex('a', 'foo.*');
    b.port.advance(1);
    b.beat('a', 1);
    const load = b.port.loadInto.bind(b.port);
    b.port.loadInto = (machine) => {
      load(machine);
      // A group does not learn of new topics before it is loaded.
      b.group.topicsChanged = () => {};
      b.createTopic('foo3', 1);
    };
    b.restart();
    b.port.advance(10_001);
    b.beat('a', 2);
    b.port.advance(1);
    expect(b.transcript().at(-1)).toContain('regex foo.* [foo1 foo2 foo3]');
  });

  it('is matched in slices if there are many topics', () => {
    const b = new GroupBench();
    for (let i = 0; i < 2_500; i++) b.createTopic(`t${i}`, 1);
    b.joinByRegex('a', 't.*9');
    b.transcript();
    b.port.advance(1);
    b.port.advance(1);
    b.port.advance(1);
    expect(b.transcript()[0]).toMatch(/^write #2 regex t\.\*9 \[t1009 /);
    expect(b.group.isSubscribedTo('t2499')).toBe(true);
  });
});

describe('the interval between assignments', () => {
  it('lets members that join soon after one another share one assignment', () => {
    const b = new GroupBench({ assignmentIntervalMs: 1_000 });
    b.createTopic('foo', 4);
    b.join('a', ['foo']);
    b.transcript();
    b.join('b', ['foo']);
    b.join('c', ['foo']);
    expect(b.transcript()).toEqual([
      'write #2 member b [foo], group epoch 3, b epoch 2 STABLE -',
      'b < epoch 2 -',
      'write #3 member c [foo], group epoch 4, c epoch 2 STABLE -',
      'c < epoch 2 -',
    ]);
    expect(b.group.stateName).toBe('Assigning');
    b.port.advance(1_000);
    b.beat('b', 2);
    expect(b.transcript()[0]).toContain('assignment epoch 4, b epoch 4 UNRELEASED_PARTITIONS -');
    expect(b.group.stateName).toBe('Reconciling');
  });
});

describe('the assignor', () => {
  it('is the one that most members ask for', () => {
    const b = new GroupBench();
    b.createTopic('foo', 4);
    b.join('a', ['foo'], { serverAssignor: 'range' });
    expect(b.group.describe().assignorName).toBe('range');
    b.join('b', ['foo'], { serverAssignor: 'uniform' });
    b.join('c', ['foo'], { serverAssignor: 'uniform' });
    expect(b.group.describe().assignorName).toBe('uniform');
  });

  it('that changes raises the group epoch', () => {
    const b = new GroupBench();
    b.createTopic('foo', 4);
    b.settle('a');
    b.beat('a', 2, { serverAssignor: 'range' });
    expect(b.transcript()).toEqual([
      'write #2 member a [foo], group epoch 3, assignment epoch 3, a epoch 3 STABLE foo:0,1,2,3',
      'a < epoch 3',
    ]);
    expect(b.rebalances.at(-1)?.cause).toBe('assignor-changed');
  });

  it('that a member asks for by name changes nothing if it is already in use', () => {
    const b = new GroupBench();
    b.createTopic('foo', 4);
    b.settle('a');
    b.beat('a', 2, { serverAssignor: 'uniform' });
    expect(b.transcript()).toEqual(['write #2 member a [foo]', 'a < epoch 2']);
  });
});
