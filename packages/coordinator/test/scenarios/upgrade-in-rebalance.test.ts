/**
 * Goal: when a KIP-848 member joins a classic group that rebalances, the group becomes a consumer group, and
 * every partition gets an owner. The rebalance of the classic group existed only in memory, so the change of
 * type must begin a new one.
 */
import { ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { assignment } from '../support/classic-client.ts';
import { groupsConfig, MachineHost } from '../support/machine-host.ts';

const epochOf = (h: MachineHost) => h.machine.rebalances('g').at(-1)?.epoch;

/** A classic group in its first join phase: it has no generation yet. */
function joining(instanceId: string | null = null): MachineHost {
  const classic = { ...groupsConfig.classic, initialRebalanceDelayMs: 3000 };
  const h = new MachineHost({ ...groupsConfig, classic });
  h.join('g', '', instanceId === null ? 3 : 5, 10_000, () => {}, instanceId);
  expect(h.listed()).toEqual(['g classic PreparingRebalance']);
  return h;
}

test('a member with a regular expression gets an epoch above 0 from a group without a generation', () => {
  const h = joining();
  const regex = { subscribedTopicNames: null, subscribedTopicRegex: 'w.*' };
  expect(h.consumerHeartbeat('g', 'm', 0, regex)).toMatchObject({ errorCode: 0, memberEpoch: 1 });
});

test('a member that replaces a static member gets an epoch above 0 from a group without a generation', () => {
  const h = joining('i');
  const answer = h.consumerHeartbeat('g', 'm', 0, { instanceId: 'i' });
  expect(answer).toMatchObject({ errorCode: 0, memberEpoch: 1 });
  expect(answer?.assignment?.topicPartitions).toMatchObject([{ partitions: [0, 1] }]);
});

test('a member that replaces a static member of a rebalancing group begins a rebalance of all members', () => {
  const h = new MachineHost();
  const answers = ['a', 'b', 'c'].map((id) => h.join('g', '', 5, 10_000, () => {}, id));
  h.port.advance(1);
  const [a = '', b = '', c = ''] = answers.map(([answer]) => answer?.memberId);
  const generation = answers[0]![0]!.generationId!;
  const share = (memberId: string, partitions: number[]) => ({
    memberId,
    assignment: assignment({ words: partitions }),
  });
  h.sync('g', a, generation, [share(a, [0]), share(b, [1]), share(c, [])], 'a');
  expect(h.listed()).toEqual(['g classic Stable']);
  h.leave('g', b, 'b');
  expect(h.listed()).toEqual(['g classic PreparingRebalance']);
  const { memberEpoch } = h.consumerHeartbeat('g', 'm', 0, { instanceId: 'c' })!;
  expect([memberEpoch, epochOf(h)]).toEqual([generation + 1, generation + 1]);
  expect(h.heartbeat('g', a, generation, 'a')).toBe(ErrorCode.REBALANCE_IN_PROGRESS);
  expect(h.consumerHeartbeat('g', 'm', memberEpoch!, { instanceId: 'c' })).toMatchObject({ errorCode: 0 });
  expect(h.machine.rebalances('g').at(-1)).toMatchObject({ cause: 'member-joined', memberId: 'm' });
  const m = describedConsumer(h).find(({ memberId }) => memberId === 'm');
  expect(m?.assignment.topicPartitions.flatMap(({ partitions }) => partitions)).toEqual([1]);
});

function describedConsumer(h: MachineHost) {
  const [, group] = [...h.machine.all].find(([groupId]) => groupId === 'g')!;
  const { members } = group.describe();
  return members as unknown as {
    memberId: string;
    assignment: { topicPartitions: { partitions: number[] }[] };
  }[];
}

test('a member that replaces a static member of a stable group with the same subscription begins no rebalance', () => {
  const h = new MachineHost();
  const answers = h.join('g', '', 5, 10_000, () => {}, 'a');
  h.port.advance(1);
  const { memberId = '', generationId = 0 } = answers[0] ?? {};
  h.sync('g', memberId, generationId, [{ memberId, assignment: assignment({ words: [0, 1] }) }], 'a');
  expect(h.listed()).toEqual(['g classic Stable']);
  expect(h.consumerHeartbeat('g', 'm', 0, { instanceId: 'a' })?.memberEpoch).toBe(generationId);
});
