/**
 * Goal: a member of a consumer group (KIP-848) reports truthfully what it owns, reports a revocation only
 * after the revocation has ended, and joins again when the group continues without the member. Method: a
 * coordinator played by hand.
 */
import type { Uuid } from '@millrace/base';
import { apis, ErrorCode } from '@millrace/protocol';
import { describe, expect, test } from 'vitest';
import { ConsumerMember, type ConsumerMemberOptions, partitionName } from '../../src/index.ts';
import { OTHER_ID, TOPIC_ID, topicOf } from '../support/metadata.ts';
import { PlayedGroup } from '../support/played-group.ts';

class Membership extends PlayedGroup {
  readonly seen: string[] = [];
  readonly member: ConsumerMember;
  revoked: () => void = () => {};

  constructor(options: Partial<ConsumerMemberOptions> = {}) {
    super(4);
    const names = (places: readonly { topic: string; partition: number }[]) =>
      places.map(partitionName).join(' ');
    this.member = new ConsumerMember({
      clock: this.clock,
      cluster: this.cluster.view,
      coordinator: this.coordinator,
      groupId: 'g',
      instanceId: null,
      memberId: 'me' as Uuid,
      subscription: { topics: ['events'] },
      serverAssignor: null,
      rebalanceTimeoutMs: 20_000,
      events: {
        assigned: (places) => this.seen.push(`assigned ${names(places)}`),
        revoking: (places, done) => {
          this.seen.push(`revoking ${names(places)}`);
          this.revoked = done;
        },
        lost: (places) => this.seen.push(`lost ${names(places)}`),
        failed: (error) => this.seen.push(`failed ${error}`),
      },
      ...options,
    });
    this.member.start();
    this.found();
  }

  /** A member in epoch 1 that owns partitions 0 and 1, and has reported them to the coordinator. */
  static stable(options: Partial<ConsumerMemberOptions> = {}): Membership {
    const membership = new Membership(options);
    membership.beats({ epoch: 1, partitions: [0, 1] });
    membership.clock.advance(0);
    membership.beats({ epoch: 1 });
    membership.seen.length = 0;
    return membership;
  }

  get news(): string[] {
    return this.seen.splice(0);
  }

  get waiting(): string[] {
    return this.broker().waiting;
  }

  /** Answers a heartbeat. `partitions`: a new assignment. Returns the request. */
  beats(told: { epoch?: number; partitions?: number[]; errorCode?: number; topicId?: Uuid }, port = 9) {
    const { epoch = 1, partitions, errorCode = 0, topicId = TOPIC_ID } = told;
    const topicPartitions = partitions?.length === 0 ? [] : [{ topicId, partitions: partitions ?? [] }];
    const assignment = partitions === undefined ? null : { topicPartitions };
    const answer = { errorCode, memberId: 'me', memberEpoch: epoch, heartbeatIntervalMs: 5_000, assignment };
    return this.answer(apis.consumerGroupHeartbeat, answer, port);
  }

  /** Waits for the heartbeat interval, and answers the heartbeat that follows. */
  next(told: Parameters<Membership['beats']>[0]) {
    this.clock.advance(5_000);
    return this.beats(told);
  }
}

test('the first heartbeat has every field, the second only the owned partitions, and later ones no partitions', () => {
  const membership = new Membership();
  expect(membership.beats({ epoch: 1, partitions: [0, 1] })).toMatchObject({
    memberId: 'me',
    memberEpoch: 0,
    rebalanceTimeoutMs: 20_000,
    subscribedTopicNames: ['events'],
    subscribedTopicRegex: null,
    topicPartitions: [],
  });
  expect(membership.news).toEqual(['assigned events-0 events-1']);
  expect(membership.beats({ epoch: 1 })).toMatchObject({
    memberEpoch: 1,
    rebalanceTimeoutMs: -1,
    subscribedTopicNames: null,
    topicPartitions: [{ topicId: TOPIC_ID, partitions: [0, 1] }],
  });
  expect(membership.waiting).toEqual([]);
  expect(membership.next({ epoch: 1 })).toMatchObject({ memberEpoch: 1, topicPartitions: null });
});

test('the member reports a revocation only after its end, and sends heartbeats meanwhile', () => {
  const membership = Membership.stable();
  membership.next({ epoch: 1, partitions: [1] });
  expect(membership.news).toEqual(['revoking events-0']);
  expect(membership.next({ epoch: 1 })).toMatchObject({ topicPartitions: null });
  membership.revoked();
  membership.clock.advance(0);
  const told = membership.beats({ epoch: 2, partitions: [1, 2] });
  expect(told).toMatchObject({ memberEpoch: 1, topicPartitions: [{ partitions: [1] }] });
  expect(membership.news).toEqual(['assigned events-2']);
  expect(membership.member.identity.epoch).toBe(2);
});

test('a newer assignment comes during a revocation: the member follows it afterwards', () => {
  const membership = Membership.stable();
  membership.next({ epoch: 1, partitions: [1] });
  membership.next({ epoch: 1, partitions: [] });
  expect(membership.news).toEqual(['revoking events-0']);
  membership.revoked();
  expect(membership.news).toEqual(['revoking events-1']);
  membership.revoked();
  membership.clock.advance(0);
  expect(membership.beats({})).toMatchObject({ topicPartitions: [] });
});

describe('the group continues without the member', () => {
  test.each([ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.FENCED_MEMBER_EPOCH, ErrorCode.GROUP_ID_NOT_FOUND])(
    '%d: it loses its partitions and joins again under its id',
    (errorCode) => {
      const membership = Membership.stable();
      membership.next({ errorCode });
      expect(membership.news).toEqual(['lost events-0 events-1']);
      membership.clock.advance(0);
      const joined = membership.beats({ epoch: 7, partitions: [3] });
      expect(joined).toMatchObject({ memberId: 'me', memberEpoch: 0, topicPartitions: [] });
      expect(membership.news).toEqual(['assigned events-3']);
    },
  );

  test('during a revocation: the end of the revocation changes nothing', () => {
    const membership = Membership.stable();
    membership.next({ epoch: 1, partitions: [1] });
    membership.next({ errorCode: ErrorCode.FENCED_MEMBER_EPOCH });
    expect(membership.news).toEqual(['revoking events-0', 'lost events-0 events-1']);
    membership.revoked();
    membership.clock.advance(0);
    expect(membership.beats({ epoch: 2, partitions: [] })).toMatchObject({ memberEpoch: 0 });
    expect(membership.news).toEqual([]);
  });
});

describe('the coordinator', () => {
  test('loses the connection: the next heartbeat has every field, also what the member owns', () => {
    const membership = Membership.stable();
    membership.clock.advance(5_000);
    membership.broker().breaks();
    membership.clock.advance(100);
    membership.found(8);
    expect(membership.beats({ epoch: 1 }, 8)).toMatchObject({
      memberEpoch: 1,
      subscribedTopicNames: ['events'],
      topicPartitions: [{ partitions: [0, 1] }],
    });
    expect(membership.news).toEqual([]);
  });

  test('moves: the member continues at the new one', () => {
    const membership = Membership.stable();
    membership.next({ errorCode: ErrorCode.NOT_COORDINATOR });
    membership.clock.advance(100);
    membership.found(8);
    expect(membership.beats({ epoch: 1 }, 8)).toMatchObject({ memberEpoch: 1 });
  });

  test.each([
    [ErrorCode.UNSUPPORTED_ASSIGNOR, 'UNSUPPORTED_ASSIGNOR'],
    [ErrorCode.INVALID_REGULAR_EXPRESSION, 'INVALID_REGULAR_EXPRESSION'],
    [ErrorCode.UNRELEASED_INSTANCE_ID, 'UNRELEASED_INSTANCE_ID'],
    [ErrorCode.GROUP_ID_NOT_FOUND, 'GROUP_ID_NOT_FOUND'],
  ])('refuses the join with %d: the member fails', (errorCode, name) => {
    const membership = new Membership();
    membership.beats({ errorCode });
    expect(membership.news).toEqual([`failed ${name}`]);
    membership.clock.advance(60_000);
    expect(membership.waiting).toEqual([]);
  });
});

test('a regular expression: the member learns the names of its topics by their ids', () => {
  const membership = new Membership({ subscription: { regex: 'ev.*' } });
  const joined = membership.beats({ epoch: 1, partitions: [0], topicId: OTHER_ID });
  expect(joined).toMatchObject({ subscribedTopicNames: null, subscribedTopicRegex: 'ev.*' });
  expect(membership.news).toEqual([]);
  expect(membership.member.neededTopics.ids).toEqual([OTHER_ID]);
  membership.cluster.view.topics.learn({ ...topicOf({ topicId: OTHER_ID }), name: 'evening' });
  membership.member.clusterChanged();
  expect(membership.news).toEqual(['assigned evening-0']);
  expect(membership.member.neededTopics.ids).toEqual([]);
});

test('a broker without regular expressions: the member fails', () => {
  const membership = new Membership({ subscription: { regex: 'ev.*' } });
  membership.broker().breaks();
  membership.clock.advance(100);
  membership.finds({ errorCode: 0, nodeId: 8, host: 'b8', port: 8 });
  membership.broker(8).open();
  membership.broker(8).answerVersions({ [apis.consumerGroupHeartbeat.key]: 0 });
  expect(membership.news).toEqual(['failed UNSUPPORTED_VERSION']);
});

test('a member leaves although the answer to its join has not come', () => {
  const membership = new Membership();
  let ends = 0;
  membership.member.leave(() => ends++);
  expect(membership.beats({ epoch: 1 })).toMatchObject({ memberId: 'me', memberEpoch: 0 });
  expect(membership.beats({ epoch: -1 })).toMatchObject({ memberId: 'me', memberEpoch: -1 });
  expect(ends).toBe(1);
});

test.each([
  [null, -1],
  ['i', -2],
])('a member with the instance id %s leaves with epoch %d', (instanceId, memberEpoch) => {
  const membership = Membership.stable({ instanceId });
  let ends = 0;
  membership.member.leave(() => ends++);
  expect(membership.beats({ epoch: memberEpoch })).toMatchObject({ memberId: 'me', memberEpoch, instanceId });
  expect(ends).toBe(1);
  membership.clock.advance(60_000);
  expect([membership.waiting, membership.news]).toEqual([[], []]);
});
