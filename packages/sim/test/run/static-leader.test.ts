import type { Uuid } from '@millrace/base';
import { ClassicGroup } from '@millrace/coordinator';
import { expect, test } from 'vitest';
import type { SentAssignment } from '../../src/clients/index.ts';
import { isLeftOutByStaticLeader } from '../../src/run/static-leader.ts';

const TOPIC = 'topic' as Uuid;

function groupOf(groupInstanceId: string | null): ClassicGroup {
  return Object.create(ClassicGroup.prototype, {
    members: { value: [{ memberId: 'm', groupInstanceId }] },
    leaderId: { value: 'm' },
    generation: { value: 4 },
  });
}

const sent: SentAssignment = {
  memberId: 'm0',
  generation: 4,
  sentUs: 10,
  known: new Map([[TOPIC, 2]]),
  assigned: undefined,
};

/** Whether the group may leave out the third partition, of which the leader that assigned knew nothing. */
function isLeftOut({ partition = 2, group = groupOf('j1'), startedUs = 20, sents = [sent] } = {}): boolean {
  return isLeftOutByStaticLeader(group, sents, () => startedUs, {
    topic: 't',
    topicId: TOPIC,
    partition,
  });
}

test('a static leader that started after the assignment may leave out what the assignment could not have', () => {
  expect(isLeftOut()).toBe(true);
  expect(isLeftOut({ sents: [{ ...sent, known: new Map<Uuid, number>() }], partition: 0 })).toBe(true);
});

test('a static leader that started after the assignment may leave out what the assignment withheld', () => {
  const withheld = { ...sent, assigned: new Set(['t-0']) };
  expect(isLeftOut({ sents: [withheld], partition: 1 })).toBe(true);
  expect(isLeftOut({ sents: [withheld], partition: 0 })).toBe(false);
  expect(isLeftOut({ sents: [withheld], partition: 1, startedUs: 5 })).toBe(false);
});

test('everybody else must assign every partition', () => {
  expect(isLeftOut({ partition: 1 })).toBe(false);
  expect(isLeftOut({ startedUs: 5 })).toBe(false);
  expect(isLeftOut({ group: groupOf(null) })).toBe(false);
  expect(isLeftOut({ sents: [{ ...sent, generation: 3 }] })).toBe(false);
  expect(isLeftOut({ sents: [] })).toBe(false);
});
