/** Classic members of a consumer group, and groups that change their type (KIP-848, migration). */
import { decodeGroupRecord, ErrorCode } from '@millrace/protocol';
import { describe, expect, it, vi } from 'vitest';
import { Refusal } from '../../src/consumer/refusal.ts';
import { type ClassicMemberFacts, upgradeRecords } from '../../src/consumer/upgrade.ts';
import { assignment, ClassicClient, showAssignment, subscription } from '../support/classic-client.ts';
import { GroupBench } from '../support/group-bench.ts';

function bench(): GroupBench {
  const b = new GroupBench();
  b.createTopic('foo', 4);
  return b;
}

describe('a classic member', () => {
  it('joins a consumer group, and gets partitions that another member has given up', () => {
    const b = bench();
    b.settle('a');
    const k = new ClassicClient(b, 'k');
    k.join(['foo']);
    expect(b.transcript()).toEqual([
      'write #2 member k [foo]//, group epoch 3, target a foo:0,1, target k foo:2,3, assignment epoch 3, ' +
        'k epoch 3 UNRELEASED_PARTITIONS -',
      'k join < generation 3',
    ]);
    k.sync();
    k.heartbeat();
    expect(b.transcript()).toEqual(['k sync < -', 'k heartbeat < NONE']);
    b.beat('a', 2, { owned: { foo: [0, 1] } });
    k.heartbeat();
    k.join(['foo']);
    k.sync();
    expect(b.transcript().filter((line) => line.startsWith('k'))).toEqual([
      'k heartbeat < REBALANCE_IN_PROGRESS',
      'k join < generation 3',
      'k sync < foo:2,3',
    ]);
  });

  it('with a cooperative assignor gives up partitions, and then joins again with only those that it keeps', () => {
    const b = bench();
    const k = new ClassicClient(b, 'k');
    b.join('z', []);
    k.join(['foo']);
    k.sync();
    b.beat('z', 1, { subscribedTopicNames: ['foo'] });
    b.transcript();
    k.heartbeat();
    k.join(['foo'], { foo: [0, 1, 2, 3] });
    k.sync();
    k.heartbeat();
    k.join(['foo'], { foo: [0, 1] });
    k.sync();
    b.beat('z', 3);
    expect(b.transcript().filter((line) => line.includes('<'))).toEqual([
      'k heartbeat < REBALANCE_IN_PROGRESS',
      'k join < generation 2',
      'k sync < foo:0,1',
      'k heartbeat < REBALANCE_IN_PROGRESS',
      'k join < generation 3',
      'k sync < foo:0,1',
      'z < epoch 3 foo:2,3',
    ]);
  });

  it('without a rebalance timeout must send SyncGroup within its session timeout', () => {
    const b = bench();
    b.settle('a');
    const k = new ClassicClient(b, 'k');
    k.join(['foo'], {}, { rebalanceTimeoutMs: -1, sessionTimeoutMs: 20_000 });
    b.port.advance(10_000);
    k.heartbeat();
    b.transcript();
    b.port.advance(9_000);
    expect(b.transcript()).toEqual([]);
    b.port.advance(1_000);
    expect(b.transcript()[0]).toContain('no member k');
  });

  it('makes the group compare its topics once after a load, not with each heartbeat', () => {
    const b = new GroupBench({ migrationPolicy: 'upgrade' });
    b.createTopic('foo', 4);
    b.settle('a');
    const k = new ClassicClient(b, 'k');
    b.beat('a', -1);
    k.join(['foo']);
    k.sync();
    b.restart();
    b.transcript();
    const image = vi.spyOn(b.port, 'image');
    k.heartbeat();
    expect([b.transcript(), image.mock.calls.length]).toEqual([['k heartbeat < NONE'], 1]);
    k.heartbeat();
    expect([b.transcript(), image.mock.calls.length]).toEqual([['k heartbeat < NONE'], 1]);
    b.growTopic('foo', 5);
    k.heartbeat();
    k.heartbeat();
    expect(b.transcript()).toEqual(Array.from({ length: 2 }, () => 'k heartbeat < REBALANCE_IN_PROGRESS'));
  });

  it('may name many protocols', () => {
    const b = bench();
    b.join('a', ['foo']);
    const protocols = (prefix: string) =>
      Array.from({ length: 20_000 }, (_, i) => ({ name: prefix + i, metadata: subscription(['foo']) }));
    const common = [{ name: 'range', metadata: subscription(['foo']) }];
    for (const id of ['k', 'l', 'm'])
      new ClassicClient(b, id).join(['foo'], {}, { protocols: [...protocols(id), ...common] });
    new ClassicClient(b, 'n').join(['foo'], {}, { protocols: protocols('n') });
    b.beat('a', -1);
    expect(b.transcript()).toContain('n join < INCONSISTENT_GROUP_PROTOCOL');
    expect(b.becameClassic).toBe(1);
    // Comparing every protocol with every other one would take minutes.
  }, 30_000);

  it('that is dynamic must join again with the member id that it got', () => {
    const b = bench();
    b.settle('a');
    const k = new ClassicClient(b, '');
    k.join(['foo']);
    expect(b.transcript()).toEqual(['generated join < MEMBER_ID_REQUIRED']);
    k.join(['foo']);
    expect(b.transcript().at(-1)).toBe('generated join < generation 3');
  });

  it('must have the protocol type consumer, and a protocol that all classic members support', () => {
    const b = bench();
    b.settle('a');
    const k = new ClassicClient(b, 'k');
    k.join(['foo']);
    b.transcript();
    new ClassicClient(b, 'l').join(['foo'], {}, { protocolType: 'connect' });
    const other = [{ name: 'other', metadata: subscription(['foo']) }];
    new ClassicClient(b, 'l').join(['foo'], {}, { protocols: other });
    new ClassicClient(b, 'l').join(['foo'], {}, { protocols: [] });
    expect(b.transcript()).toEqual(Array.from({ length: 3 }, () => 'l join < INCONSISTENT_GROUP_PROTOCOL'));
  });

  it('does not join if the migration is disabled', () => {
    const b = bench();
    b.settle('a');
    b.settings = { ...b.settings, migrationPolicy: 'disabled' };
    new ClassicClient(b, 'k').join(['foo']);
    expect(b.transcript()).toEqual(['k join < INCONSISTENT_GROUP_PROTOCOL']);
  });

  it('whose subscription cannot be read is refused', () => {
    const b = bench();
    b.settle('a');
    const protocols = [{ name: 'range', metadata: new Uint8Array([0]) }];
    new ClassicClient(b, 'k').join(['foo'], {}, { protocols });
    expect(b.transcript()).toEqual(['k join < UNKNOWN_SERVER_ERROR']);
  });

  it('gets an error for a wrong generation, an unknown member id, or another protocol', () => {
    const b = bench();
    b.settle('a');
    const k = new ClassicClient(b, 'k');
    k.join(['foo']);
    b.transcript();
    k.heartbeat(1);
    k.sync({ generationId: 1 });
    k.sync({ protocolName: 'x' });
    k.sync({ protocolType: 'x' });
    const x = new ClassicClient(b, 'x');
    x.heartbeat();
    x.sync();
    x.leave();
    const a = new ClassicClient(b, 'a');
    a.heartbeat(2);
    expect(b.transcript()).toEqual([
      'k heartbeat < ILLEGAL_GENERATION',
      'k sync < ILLEGAL_GENERATION',
      'k sync < INCONSISTENT_GROUP_PROTOCOL',
      'k sync < INCONSISTENT_GROUP_PROTOCOL',
      'x heartbeat < UNKNOWN_MEMBER_ID',
      'x sync < UNKNOWN_MEMBER_ID',
      'x leave < NONE UNKNOWN_MEMBER_ID',
      'a heartbeat < UNKNOWN_MEMBER_ID',
    ]);
  });

  it('in a group of only classic members must join again when a member left or a topic grew', () => {
    const b = bench();
    b.settings = { ...b.settings, migrationPolicy: 'upgrade' };
    b.settle('a');
    const k = new ClassicClient(b, 'k');
    k.join(['foo']);
    b.beat('a', -1);
    b.transcript();
    k.heartbeat();
    k.join(['foo']);
    k.sync();
    k.heartbeat();
    b.growTopic('foo', 5);
    k.heartbeat();
    k.join(['foo']);
    k.sync();
    expect(b.transcript().filter((line) => line.includes('<'))).toEqual([
      'k heartbeat < REBALANCE_IN_PROGRESS',
      'k join < generation 4',
      'k sync < foo:0,1,2,3',
      'k heartbeat < NONE',
      'k heartbeat < REBALANCE_IN_PROGRESS',
      'k join < generation 5',
      'k sync < foo:0,1,2,3,4',
    ]);
  });

  it('has its own session timeout', () => {
    const b = bench();
    b.settle('a');
    const k = new ClassicClient(b, 'k');
    k.join(['foo']);
    k.sync();
    b.port.advance(19_999);
    expect(b.described('k').memberType).toBe(0);
    b.port.advance(1);
    expect(() => b.described('k')).toThrow();
  });

  it('is removed if it does not sync, or does not join again, within its rebalance timeout', () => {
    for (const duty of ['sync', 'join']) {
      const b = bench();
      b.settle('a');
      const k = new ClassicClient(b, 'k');
      k.join(['foo']);
      if (duty === 'join') {
        k.sync();
        b.join('c', ['foo']);
      }
      for (let i = 0; i < 3; i++) {
        k.heartbeat();
        b.port.advance(10_000);
      }
      expect(() => b.described('k')).toThrow();
      expect(b.rebalances.at(-1)).toMatchObject({ cause: 'rebalance-timeout', memberId: 'k' });
    }
  });

  it('has a session even if the commit of its join takes too long', () => {
    const b = bench();
    b.settle('a');
    b.port.commitsAtOnce = false;
    new ClassicClient(b, 'k').join(['foo']);
    b.port.timeOutCommits();
    b.port.commit();
    b.port.commitsAtOnce = true;
    expect(b.transcript().at(-1)).toBe('k join < COORDINATOR_NOT_AVAILABLE');
    b.port.advance(19_999);
    expect(b.described('k').memberType).toBe(0);
    b.port.advance(1);
    expect(() => b.described('k')).toThrow();
    expect(b.rebalances.at(-1)).toMatchObject({ cause: 'session-expired', memberId: 'k' });
  });

  it('must sync even if the commit of its join takes too long', () => {
    const b = bench();
    b.settle('a');
    b.port.commitsAtOnce = false;
    const k = new ClassicClient(b, 'k');
    k.join(['foo']);
    b.port.timeOutCommits();
    b.port.commit();
    b.port.commitsAtOnce = true;
    for (let i = 0; i < 3; i++) {
      k.heartbeat(3);
      b.port.advance(10_000);
    }
    expect(b.rebalances.at(-1)).toMatchObject({ cause: 'rebalance-timeout', memberId: 'k' });
  });

  it('meets its rebalance timeout when its join or its sync arrives, however long the commit takes', () => {
    const b = bench();
    b.settle('a');
    const k = new ClassicClient(b, 'k');
    k.join(['foo']);
    b.port.commitsAtOnce = false;
    b.join('c', ['foo']);
    k.sync({ generationId: 3 });
    k.join(['foo']);
    k.sync({ generationId: 4 });
    for (let i = 0; i < 4; i++) {
      k.heartbeat(4);
      b.beat('a', 2);
      b.port.advance(10_000);
    }
    expect(b.described('k').memberEpoch).toBe(4);
  });

  it('stays a member while it tries to join again, even if the log accepts nothing', () => {
    const b = bench();
    b.settle('a');
    const k = new ClassicClient(b, 'k');
    k.join(['foo']);
    k.sync();
    b.port.refusal = ErrorCode.COORDINATOR_NOT_AVAILABLE;
    for (let i = 0; i < 4; i++) {
      b.port.advance(10_000);
      k.join(['foo', 'bar']);
    }
    b.port.refusal = ErrorCode.NONE;
    b.port.advance(1_000);
    expect(b.described('k').memberEpoch).toBe(3);
  });

  it('that changes to the consumer protocol before its join is committed need not sync', () => {
    const b = bench();
    b.settle('a');
    b.port.commitsAtOnce = false;
    new ClassicClient(b, 'k').join(['foo']);
    b.join('k', ['foo']);
    b.port.commit();
    b.port.commitsAtOnce = true;
    b.port.advance(40_000);
    expect(b.described('k').memberType).toBe(1);
  });

  it('that is static is replaced by the next process with its instance id', () => {
    const b = bench();
    b.settle('a');
    new ClassicClient(b, 'k', 'i').join(['foo'], {}, { memberId: '' });
    const { memberId } = b.described('generated');
    b.transcript();
    new ClassicClient(b, memberId, 'i').heartbeat(3);
    new ClassicClient(b, 'other', 'i').heartbeat(3);
    b.join('new', ['foo'], { instanceId: 'i' });
    expect(b.transcript().filter((line) => line.includes('<'))).toEqual([
      'generated heartbeat < NONE',
      'other heartbeat < FENCED_INSTANCE_ID',
      'new < epoch 3 -',
    ]);
  });

  it('may change to the consumer protocol', () => {
    const b = bench();
    b.settle('a');
    const k = new ClassicClient(b, 'k');
    k.join(['foo']);
    b.join('k', ['foo']);
    b.port.advance(40_000);
    expect(b.described('k').memberType).toBe(1);
  });
});

describe('an administrator', () => {
  it('removes static members of either protocol by instance id', () => {
    const b = bench();
    b.join('a', ['foo'], { instanceId: 'i' });
    b.join('b', ['foo'], { instanceId: 'j' });
    b.join('c', ['foo']);
    b.transcript();
    const members = ['i', 'j', 'x'].map((groupInstanceId) => ({
      memberId: '',
      groupInstanceId,
      reason: null,
    }));
    const answers: unknown[] = [];
    b.group.leave({
      request: { groupId: 'g', memberId: '', members },
      version: 5,
      client: { clientId: '', clientHost: '' },
      reply: (answer) => answers.push(answer),
    });
    expect(answers).toEqual([
      {
        errorCode: ErrorCode.NONE,
        members: [
          { memberId: '', groupInstanceId: 'i', errorCode: ErrorCode.NONE },
          { memberId: '', groupInstanceId: 'j', errorCode: ErrorCode.NONE },
          { memberId: '', groupInstanceId: 'x', errorCode: ErrorCode.UNKNOWN_MEMBER_ID },
        ],
      },
    ]);
    expect(b.transcript()[0]).toContain('no member a, no assignment of b');
    expect(b.rebalances.at(-1)?.epoch).toBe(5);
  });
});

describe('a consumer group', () => {
  it('becomes a classic group when its last member of the consumer protocol leaves', () => {
    const b = bench();
    b.settle('a');
    const k = new ClassicClient(b, 'k');
    k.join(['foo']);
    b.beat('a', -1);
    expect(b.becameClassic).toBe(1);
    const records = b.port.decisions.at(-1)!.map(({ key, value }) => decodeGroupRecord(key, value)!);
    expect(
      records.slice(0, -1).map(({ name, value }) => (value === null ? name : 'not a tombstone')),
    ).toEqual([
      'consumerGroupCurrentMemberAssignment',
      'consumerGroupCurrentMemberAssignment',
      'consumerGroupTargetAssignmentMember',
      'consumerGroupTargetAssignmentMember',
      'consumerGroupTargetAssignmentMetadata',
      'consumerGroupMemberMetadata',
      'consumerGroupMemberMetadata',
      'consumerGroupPartitionMetadata',
      'consumerGroupMetadata',
    ]);
    const classic = records.at(-1)!;
    if (classic.name !== 'groupMetadata' || classic.value === null) throw new Error('no classic group');
    const [member] = classic.value.members;
    expect(classic.value).toMatchObject({ protocolType: 'consumer', generation: 3, protocol: 'range' });
    expect(member).toMatchObject({ memberId: 'k', sessionTimeout: 20_000, rebalanceTimeout: 30_000 });
    expect(showAssignment(member!.assignment)).toBe('foo:2,3');
    expect(b.transcript().at(-1)).toBe('a < epoch -1');
    expect([b.group.exists, b.port.timerCount]).toEqual([false, 0]);
  });

  it('stays a consumer group if the change does not fit into one batch', () => {
    const b = bench();
    b.settle('a');
    new ClassicClient(b, 'k').join(['foo']);
    const write = b.port.write.bind(b.port);
    b.port.write = (records) => (records.length > 5 ? ErrorCode.UNKNOWN_SERVER_ERROR : write(records));
    b.transcript();
    b.beat('a', -1);
    expect(b.transcript()).toEqual([
      'write #3 no assignment of a, target a none, no member a, group epoch 4',
      'a < epoch -1',
    ]);
    expect([b.becameClassic, b.group.exists]).toEqual([0, true]);
  });

  it('stays a consumer group if the policy does not allow the downgrade', () => {
    const b = bench();
    b.settings = { ...b.settings, migrationPolicy: 'upgrade' };
    b.settle('a');
    new ClassicClient(b, 'k').join(['foo']);
    b.beat('a', -1);
    expect([b.becameClassic, b.group.exists]).toEqual([0, true]);
  });

  it('becomes a classic group when a classic member replaces the last member of the consumer protocol', () => {
    const b = bench();
    b.join('a', ['foo'], { instanceId: 'i' });
    new ClassicClient(b, '', 'i').join(['foo']);
    expect(b.becameClassic).toBe(1);
    expect(b.transcript().at(-1)).toBe('generated join < generation 2');
  });

  it('that becomes empty stays a consumer group', () => {
    const b = bench();
    b.settle('a');
    b.beat('a', -1);
    expect([b.becameClassic, b.group.stateName]).toEqual([0, 'Empty']);
  });
});

describe('a classic group', () => {
  const facts: ClassicMemberFacts = {
    memberId: 'k',
    groupInstanceId: null,
    client: { clientId: 'k', clientHost: '/k' },
    rebalanceTimeoutMs: 30_000,
    sessionTimeoutMs: 20_000,
    protocols: [{ name: 'range', metadata: subscription(['foo']) }],
    assignment: assignment({ foo: [0, 1, 2, 3], gone: [0] }),
  };
  const group = { groupId: 'g', generation: 7, protocolType: 'consumer', protocolName: 'range' };

  function upgraded(b: GroupBench, change: Partial<ClassicMemberFacts> = {}) {
    return upgradeRecords({ ...group, members: [{ ...facts, ...change }] }, b.settings, b.port.metadata);
  }

  it('becomes a consumer group, which rebalances when a member of the consumer protocol joins', () => {
    const b = bench();
    const records = upgraded(b);
    if (records instanceof Refusal) throw new Error('refused');
    b.write(records);
    b.group.loaded();
    expect(b.transcript()).toEqual([
      'write #1 member k [foo], group epoch 7, target k foo:0,1,2,3, assignment epoch 7, ' +
        'k epoch 7 STABLE foo:0,1,2,3',
    ]);
    b.join('a', ['foo']);
    const k = new ClassicClient(b, 'k');
    k.heartbeat(7);
    k.join(['foo']);
    k.sync();
    b.beat('a', 8);
    expect(b.transcript().filter((line) => line.includes('<'))).toEqual([
      'a < epoch 8 -',
      'k heartbeat < REBALANCE_IN_PROGRESS',
      'k join < generation 8',
      'k sync < foo:0,1',
      'a < epoch 8 foo:2,3',
    ]);
  });

  it('stays a classic group if its type, an assignment, the policy or the size forbids the change', () => {
    const b = bench();
    expect(
      upgradeRecords({ ...group, protocolType: 'connect', members: [] }, b.settings, b.port.metadata),
    ).toEqual(
      new Refusal(
        ErrorCode.GROUP_ID_NOT_FOUND,
        'Cannot upgrade classic group g to consumer group because the group does not use the consumer embedded ' +
          'protocol.',
      ),
    );
    expect(upgraded(b, { assignment: assignment({}, new Uint8Array(1)) })).toBeInstanceOf(Refusal);
    expect(upgraded(b, { assignment: new Uint8Array(3) })).toBeInstanceOf(Refusal);
    expect(upgraded(b, { protocols: [{ name: 'range', metadata: new Uint8Array(1) }] })).toBeInstanceOf(
      Refusal,
    );
    b.settings = { ...b.settings, migrationPolicy: 'downgrade' };
    expect(upgraded(b)).toBeInstanceOf(Refusal);
    b.settings = { ...b.settings, migrationPolicy: 'bidirectional', maxSize: 0 };
    expect(upgraded(b)).toBeInstanceOf(Refusal);
  });

  it('that becomes a consumer group forgets partitions that do not exist', () => {
    const b = bench();
    const records = upgraded(b, { assignment: assignment({ foo: [-2, -1, 0, 3, 4] }) });
    if (records instanceof Refusal) throw new Error('refused');
    b.write(records);
    expect(b.transcript()[0]).toContain('k epoch 7 STABLE foo:0,3');
  });

  it('that becomes a consumer group may have members that never synced', () => {
    const b = bench();
    const records = upgraded(b, { assignment: new Uint8Array(0) });
    if (records instanceof Refusal) throw new Error('refused');
    b.write(records);
    expect(b.transcript()[0]).toContain('k epoch 7 STABLE -');
  });
});
