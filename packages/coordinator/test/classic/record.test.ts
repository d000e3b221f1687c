import { decodeGroupRecord, groupRecords } from '@millrace/protocol';
import { expect, it } from 'vitest';
import { groupRecord, groupTombstone } from '../../src/classic/index.ts';
import { emptyGroup, recordedMembers } from '../../src/classic/record.ts';
import { Subject, stable, utf8 } from '../support/classic-group.ts';

it('writes version 3 with every field that Kafka writes', () => {
  const s = new Subject();
  const [a] = stable(s, 'a');
  const { key, value } = groupRecord('g', s.group.value);
  expect(value![1]).toBe(3);
  expect(decodeGroupRecord(key, value)).toEqual({
    name: 'groupMetadata',
    key: { group: 'g' },
    value: {
      protocolType: 'consumer',
      generation: 1,
      protocol: 'range',
      leader: a,
      currentStateTimestamp: 1_700_000_003_000,
      members: [
        {
          memberId: a,
          groupInstanceId: null,
          clientId: 'a',
          clientHost: '/a',
          rebalanceTimeout: 60_000,
          sessionTimeout: 10_000,
          subscription: utf8('a'),
          assignment: utf8('a1'),
        },
      ],
    },
  });
});

it('removes a group with a tombstone', () => {
  const { key, value } = groupTombstone('g');
  expect(decodeGroupRecord(key, value)).toEqual({ name: 'groupMetadata', key: { group: 'g' }, value: null });
});

it('reads the oldest records, which have no rebalance timeout and no time of the last change', () => {
  const s = new Subject();
  const [a] = stable(s, 'a');
  const bytes = groupRecords.groupMetadata.value.encode(0, s.group.value);
  const { group } = new Subject();
  const record = decodeGroupRecord(groupTombstone('g').key, bytes);
  if (record?.name !== 'groupMetadata') throw new Error('not a group');
  group.replay(record.value!);
  expect([...group.members]).toMatchObject([
    { memberId: a, rebalanceTimeoutMs: 10_000, groupInstanceId: null },
  ]);
  group.replay({ ...record.value!, members: [], leader: null, protocol: null });
  expect([group.isEmpty, group.emptySinceMs]).toEqual([true, undefined]);
});

it('updates a known member from a later record', () => {
  const s = new Subject();
  stable(s, 'a');
  const { value } = s.group;
  const { group } = new Subject();
  group.replay(value);
  const [member] = value.members;
  const later = { ...member!, sessionTimeout: 7000, rebalanceTimeout: 8000, subscription: utf8('new') };
  group.replay({ ...value, generation: 2, members: [{ ...later, assignment: utf8('x') }] });
  expect(group.value).toEqual({ ...value, generation: 2, members: [{ ...later, assignment: utf8('x') }] });
});

/**
 * Makes a record with these subscriptions, reads its members, overwrites the record, and returns the members.
 */
function copied(subscriptions: readonly string[]) {
  const members = subscriptions.map((subscription, index) => ({
    memberId: `m${index}`,
    groupInstanceId: null,
    clientId: 'a',
    clientHost: '/a',
    rebalanceTimeout: -1,
    sessionTimeout: 10_000,
    subscription: utf8(subscription),
    assignment: utf8('x'.repeat(index)),
  }));
  const copies = recordedMembers({ ...emptyGroup('consumer', 1, 0), protocol: 'range', members });
  for (const { subscription, assignment } of members)
    for (const bytes of [subscription, assignment]) bytes.fill(0);
  return copies;
}

it('copies the bytes of a record, and keeps equal metadata once', () => {
  const [a, b, c] = copied(['same', 'same', 'other']);
  expect(a!.protocols).toEqual([{ name: 'range', metadata: utf8('same') }]);
  expect(b!.protocols).toBe(a!.protocols);
  expect(c!.protocols).toEqual([{ name: 'range', metadata: utf8('other') }]);
});

it('keeps all assignments of a record in one piece of memory', () => {
  const [a, b, c] = copied(['', '', '']);
  expect([a, b, c].map((member) => member!.assignment)).toEqual([utf8(''), utf8('x'), utf8('xx')]);
  expect(c!.assignment.buffer).toBe(b!.assignment.buffer);
});

it('takes the session timeout where an old record has no rebalance timeout', () => {
  expect(copied(['a'])[0]!.rebalanceTimeoutMs).toBe(10_000);
});
