import type { Uuid } from '@millrace/base';
import { ClassicGroup } from '@millrace/coordinator';
import { describe, expect, test } from 'vitest';
import type { SentAssignment } from '../../src/clients/index.ts';
import { isLeftOutByStaticMember } from '../../src/run/static-member.ts';

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
  withheld: new Map(),
};

/**
 * Whether the group may leave the third partition without an owner. The leader did not know this partition
 * when it assigned.
 */
function isLeftOut({ partition = 2, group = groupOf('j1'), joinedUs = 20, sents = [sent] } = {}): boolean {
  return isLeftOutByStaticMember(group, sents, () => joinedUs, {
    topic: 't',
    topicId: TOPIC,
    partition,
  });
}

test('a static leader that came back may leave partitions without an owner that it did not know when it last assigned', () => {
  expect(isLeftOut()).toBe(true);
  expect(isLeftOut({ sents: [{ ...sent, known: new Map<Uuid, number>() }], partition: 0 })).toBe(true);
});

describe('a partition that the assignment withheld', () => {
  const BEFORE = 5;
  const AFTER = 20;
  const started: Record<string, number> = { back: AFTER, back2: AFTER, there: BEFORE };

  /** Whether the group may leave its first partition without an owner. These members claim to own it. */
  function mayWithhold(owners: readonly (string | null)[], leader: string | null = null): boolean {
    const sents = [{ ...sent, withheld: new Map([['t-0', owners]]) }];
    const place = { topic: 't', topicId: TOPIC, partition: 0 };
    return isLeftOutByStaticMember(groupOf(leader), sents, (id) => started[id], place);
  }

  test('has no owner if every old owner is a static member that came back after the assignment', () => {
    expect(mayWithhold(['back'])).toBe(true);
    expect(mayWithhold(['back'], 'there')).toBe(true);
    expect(mayWithhold(['back'], 'back')).toBe(true);
    expect(mayWithhold(['back', 'back2'])).toBe(true);
  });

  test('gets an owner if an old owner can still give it up, with any leader', () => {
    for (const leader of [null, 'there', 'back']) {
      expect(mayWithhold(['there'], leader)).toBe(false);
      expect(mayWithhold([null], leader)).toBe(false);
      expect(mayWithhold(['back', 'there'], leader)).toBe(false);
      expect(mayWithhold(['back', null], leader)).toBe(false);
    }
  });
});

test('in every other case the group must assign the partition', () => {
  expect(isLeftOut({ partition: 1 })).toBe(false);
  // The leader is the process that sent the assignment, so it learns of the partition and joins again.
  expect(isLeftOut({ sents: [{ ...sent, memberId: 'm' }] })).toBe(false);
  expect(isLeftOut({ joinedUs: 5 })).toBe(false);
  expect(isLeftOut({ group: groupOf(null) })).toBe(false);
  expect(isLeftOut({ sents: [{ ...sent, generation: 3 }] })).toBe(false);
  expect(isLeftOut({ sents: [] })).toBe(false);
});
