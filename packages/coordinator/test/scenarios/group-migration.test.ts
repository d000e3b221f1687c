/** Goal: groups change their type from classic to consumer and back, as KIP-848 demands (migration). */
import { decodeGroupRecord, ErrorCode } from '@millrace/protocol';
import { describe, expect, it } from 'vitest';
import { Refusal } from '../../src/consumer/refusal.ts';
import { type ClassicMemberFacts, upgradeRecords } from '../../src/consumer/upgrade.ts';
import { assignment, ClassicClient, showAssignment, subscription } from '../support/classic-client.ts';
import { GroupBench } from '../support/group-bench.ts';

function bench(): GroupBench {
  const b = new GroupBench();
  b.createTopic('foo', 4);
  return b;
}

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
