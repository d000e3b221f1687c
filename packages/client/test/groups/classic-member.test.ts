/**
 * Goal: a member of a classic group gives up partitions before other members get them. It copes with a
 * coordinator that moves, that still loads, that breaks connections, or that refuses requests. Method: a
 * coordinator played by hand.
 */
import {
  apis,
  consumerProtocolAssignment,
  consumerProtocolSubscription,
  ErrorCode,
  type JoinGroupRequest,
} from '@millrace/protocol';
import { describe, expect, test } from 'vitest';
import { type AssignorName, assignors } from '../../src/groups/assignors/index.ts';
import { ClassicMember, type ClassicMemberOptions } from '../../src/groups/classic-member.ts';
import { partitionName } from '../../src/index.ts';
import { PlayedGroup } from '../support/played-group.ts';

class Membership extends PlayedGroup {
  readonly seen: string[] = [];
  readonly member: ClassicMember;
  /** Ends the revocation under way. */
  revoked: () => void = () => {};

  constructor(assignor: AssignorName = 'range', options: Partial<ClassicMemberOptions> = {}) {
    super(4);
    const { clock, coordinator } = this;
    const names = (places: readonly { topic: string; partition: number }[]) =>
      places.map(partitionName).join(' ');
    this.member = new ClassicMember({
      clock,
      cluster: this.cluster.view,
      coordinator,
      groupId: 'g',
      instanceId: null,
      topics: ['events'],
      assignor: assignors[assignor],
      sessionTimeoutMs: 10_000,
      heartbeatMs: 3_000,
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
  }

  /** A follower in generation 1 that owns partitions 0 and 1. */
  static stable(assignor: AssignorName = 'range', options: Partial<ClassicMemberOptions> = {}): Membership {
    const membership = new Membership(assignor, options);
    membership.found();
    membership.joins();
    membership.syncs(0, 1);
    membership.seen.length = 0;
    return membership;
  }

  get news(): string[] {
    return this.seen.splice(0);
  }

  get waiting(): string[] {
    return this.broker().waiting;
  }

  /** Answers JoinGroup. Returns the request, with the member's subscription. */
  joins(told: { errorCode?: number; leader?: string; members?: object[]; generationId?: number } = {}) {
    const { errorCode = 0, leader = 'other', members = [], generationId = 1 } = told;
    const answer = { errorCode, generationId, leader, memberId: 'me', protocolName: 'range', members };
    const request = this.answer(apis.joinGroup, answer as never);
    return { ...request, ...subscriptionOf(request) };
  }

  syncs(...partitions: number[]) {
    const assignedPartitions = partitions.length === 0 ? [] : [{ topic: 'events', partitions }];
    const assignment = consumerProtocolAssignment.encode(1, { assignedPartitions });
    return this.answer(apis.syncGroup, { errorCode: ErrorCode.NONE, assignment });
  }

  beats(errorCode: number = ErrorCode.NONE) {
    this.clock.advance(3_000);
    return this.answer(apis.heartbeat, { errorCode });
  }
}

function subscriptionOf({ protocols }: JoinGroupRequest) {
  return { subscription: consumerProtocolSubscription.decode(protocols[0]!.metadata) };
}

test('a member joins with the id that the coordinator gave it, and owns what the leader assigned', () => {
  const membership = new Membership();
  membership.found();
  expect(membership.joins({ errorCode: ErrorCode.MEMBER_ID_REQUIRED })).toMatchObject({
    memberId: '',
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 20_000,
    protocolType: 'consumer',
    protocols: [{ name: 'range' }],
    subscription: { topics: ['events'], ownedPartitions: [], generationId: -1 },
  });
  expect(membership.joins()).toMatchObject({ memberId: 'me' });
  expect(membership.syncs(0, 1)).toMatchObject({ generationId: 1, memberId: 'me', assignments: [] });
  expect(membership.news).toEqual(['assigned events-0 events-1']);
  expect(membership.member.identity).toEqual({ memberId: 'me', epoch: 1, instanceId: null });
  expect(membership.beats()).toMatchObject({ generationId: 1, memberId: 'me' });
  membership.clock.advance(2_999);
  expect(membership.waiting).toEqual([]);
  membership.beats();
});

test('the leader assigns to all members, and joins again when a topic gets partitions', () => {
  const membership = new Membership();
  membership.found();
  const metadata = consumerProtocolSubscription.encode(3, { topics: ['events'] });
  const members = ['me', 'you'].map((memberId) => ({ memberId, groupInstanceId: null, metadata }));
  membership.joins({ leader: 'me', members });
  const { assignments } = membership.syncs(0, 1);
  const partitions = assignments.map(({ memberId, assignment }) => [
    memberId,
    consumerProtocolAssignment.decode(assignment).assignedPartitions[0]?.partitions,
  ]);
  expect(partitions).toEqual([
    ['me', [0, 1]],
    ['you', [2, 3]],
  ]);
  membership.member.clusterChanged();
  expect(membership.news).toEqual(['assigned events-0 events-1']);
  membership.tells(6);
  membership.member.clusterChanged();
  expect(membership.news).toEqual(['revoking events-0 events-1']);
});

test('the leader waits for the metadata of a topic to which only others subscribe, but not forever', () => {
  const membership = new Membership();
  membership.found();
  const metadata = consumerProtocolSubscription.encode(3, { topics: ['events', 'theirs'] });
  membership.joins({ leader: 'me', members: [{ memberId: 'me', groupInstanceId: null, metadata }] });
  expect(membership.waiting).toEqual([]);
  expect(membership.member.neededTopics.names).toEqual(['events', 'theirs']);
  membership.clock.advance(2_000);
  expect(membership.waiting).toEqual(['SyncGroup']);
});

describe('a rebalance', () => {
  test('an eager member gives up everything, and joins when its owner is done', () => {
    const membership = Membership.stable();
    membership.beats(ErrorCode.REBALANCE_IN_PROGRESS);
    expect(membership.news).toEqual(['revoking events-0 events-1']);
    expect(membership.waiting).toEqual([]);
    membership.revoked();
    expect(membership.joins({ generationId: 2 })).toMatchObject({
      memberId: 'me',
      reason: 'REBALANCE_IN_PROGRESS',
    });
    membership.syncs(1);
    expect(membership.news).toEqual(['assigned events-1']);
  });

  test('a cooperative member keeps its partitions, then gives up what moves and joins again', () => {
    const membership = Membership.stable('cooperative-sticky');
    membership.beats(ErrorCode.REBALANCE_IN_PROGRESS);
    expect(membership.news).toEqual([]);
    const { subscription } = membership.joins({ generationId: 2 });
    const owned = [{ topic: 'events', partitions: [0, 1] }];
    expect(subscription).toMatchObject({ ownedPartitions: owned, generationId: 1 });
    membership.syncs(1, 2);
    expect(membership.news).toEqual(['assigned events-2', 'revoking events-0']);
    expect(membership.waiting).toEqual([]);
    membership.revoked();
    expect(membership.joins({ generationId: 3 }).subscription).toMatchObject({
      ownedPartitions: [{ topic: 'events', partitions: [1, 2] }],
      generationId: 2,
    });
    membership.syncs(1, 2);
    expect(membership.news).toEqual([]);
  });

  test('another rebalance begins while the leader assigns: the member joins again', () => {
    const membership = Membership.stable();
    membership.beats(ErrorCode.REBALANCE_IN_PROGRESS);
    membership.revoked();
    membership.joins({ generationId: 2 });
    membership.answer(apis.syncGroup, {
      errorCode: ErrorCode.REBALANCE_IN_PROGRESS,
      assignment: new Uint8Array(),
    });
    expect(membership.joins({ generationId: 3 })).toMatchObject({ memberId: 'me' });
  });
});

describe('the group continues without the member', () => {
  test('UNKNOWN_MEMBER_ID: it loses its partitions at once, and joins as a new member', () => {
    const membership = Membership.stable();
    membership.beats(ErrorCode.UNKNOWN_MEMBER_ID);
    expect(membership.news).toEqual(['lost events-0 events-1']);
    expect(membership.joins()).toMatchObject({ memberId: '', subscription: { ownedPartitions: [] } });
  });

  test('ILLEGAL_GENERATION: it keeps its id', () => {
    const membership = Membership.stable('cooperative-sticky');
    membership.beats(ErrorCode.ILLEGAL_GENERATION);
    expect(membership.news).toEqual(['lost events-0 events-1']);
    expect(membership.joins()).toMatchObject({ memberId: 'me', subscription: { generationId: -1 } });
  });

  test('FENCED_INSTANCE_ID is final: another process has the instance id', () => {
    const membership = Membership.stable('range', { instanceId: 'i' });
    membership.beats(ErrorCode.FENCED_INSTANCE_ID);
    expect(membership.news).toEqual(['lost events-0 events-1', 'failed FENCED_INSTANCE_ID']);
    membership.clock.advance(60_000);
    expect(membership.waiting).toEqual([]);
  });
});

describe('the coordinator', () => {
  test('moves: the member continues with its generation at the new one', () => {
    const membership = Membership.stable();
    membership.beats(ErrorCode.NOT_COORDINATOR);
    membership.clock.advance(100);
    membership.found(8);
    membership.answer(apis.heartbeat, { errorCode: ErrorCode.NONE }, 8);
    expect(membership.news).toEqual([]);
    expect(membership.member.identity.epoch).toBe(1);
  });

  test('breaks the connection during a heartbeat: the member finds the coordinator again', () => {
    const membership = Membership.stable();
    membership.clock.advance(3_000);
    membership.broker().breaks();
    membership.clock.advance(100);
    membership.finds({ errorCode: ErrorCode.NONE, nodeId: 8, host: 'b8', port: 8 });
    membership.cluster.opens(8);
    membership.answer(apis.heartbeat, { errorCode: ErrorCode.NONE }, 8);
    expect(membership.news).toEqual([]);
  });

  test('loads during a join: the member joins again after a pause', () => {
    const membership = new Membership();
    membership.found();
    membership.joins({ errorCode: ErrorCode.COORDINATOR_LOAD_IN_PROGRESS });
    expect(membership.waiting).toEqual([]);
    membership.clock.advance(100);
    membership.joins();
    membership.syncs(0);
    expect(membership.news).toEqual(['assigned events-0']);
  });

  test('loses a parked join: the member joins again under its id', () => {
    const membership = Membership.stable();
    membership.beats(ErrorCode.REBALANCE_IN_PROGRESS);
    membership.revoked();
    membership.broker().breaks();
    membership.clock.advance(100);
    membership.found(8);
    expect(
      membership.answer(apis.joinGroup, { errorCode: ErrorCode.NOT_COORDINATOR } as never, 8),
    ).toMatchObject({
      memberId: 'me',
    });
  });

  test.each([
    [ErrorCode.INCONSISTENT_GROUP_PROTOCOL, 'INCONSISTENT_GROUP_PROTOCOL'],
    [ErrorCode.GROUP_MAX_SIZE_REACHED, 'GROUP_MAX_SIZE_REACHED'],
    [ErrorCode.INVALID_SESSION_TIMEOUT, 'INVALID_SESSION_TIMEOUT'],
  ])('refuses with %d: the member fails', (errorCode, name) => {
    const membership = new Membership();
    membership.found();
    membership.joins({ errorCode });
    expect(membership.news).toEqual([`failed ${name}`]);
  });

  test('cannot be found because of a refusal: the member fails', () => {
    const membership = new Membership();
    membership.finds({ errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED });
    membership.clock.advance(0);
    expect(membership.news).toEqual(['failed GROUP_AUTHORIZATION_FAILED']);
  });
});

describe('leaving', () => {
  test('a dynamic member leaves; no event follows', () => {
    const membership = Membership.stable();
    let ends = 0;
    membership.member.leave(() => ends++);
    const left = membership.answer(apis.leaveGroup, { errorCode: 0, members: [] });
    expect(left).toMatchObject({ groupId: 'g', members: [{ memberId: 'me' }] });
    expect(ends).toBe(1);
    membership.clock.advance(60_000);
    expect([membership.waiting, membership.news]).toEqual([[], []]);
  });

  test('a static member stays until its session times out', () => {
    const membership = Membership.stable('range', { instanceId: 'i' });
    let ends = 0;
    membership.member.leave(() => ends++);
    membership.clock.settle();
    expect([membership.waiting, ends]).toEqual([[], 1]);
  });

  test('an answer to JoinGroup changes nothing if it comes after the member has left', () => {
    const membership = new Membership();
    membership.found();
    membership.member.leave(() => {});
    membership.joins();
    expect(membership.waiting).toEqual([]);
  });
});
