/**
 * Goal: the machine of a shard finds, makes, changes and deletes its groups, and replays each record into the
 * right group, or into the committed offsets. Other files test what happens inside of a group.
 */
import { ErrorCode } from '@millrace/protocol';
import { describe, expect, test } from 'vitest';
import { groupsConfig, MachineHost, WORDS } from '../support/machine-host.ts';

/** The bytes of a ConsumerProtocolAssignment in version 0 with words-0 and words-1, and no user data. */
const ASSIGNED = Uint8Array.from([
  ...[0, 0, 0, 0, 0, 1, 0, 5, 119, 111, 114, 100, 115],
  ...[0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 255, 255, 255, 255],
]);

describe('a group', () => {
  test('begins with the first join, and a new shard finds it in the log', () => {
    const h = new MachineHost();
    h.stableGroup('g');
    expect(h.listed()).toEqual(['g classic Stable']);
    expect(h.reloaded().listed()).toEqual(['g classic Stable']);
  });

  test('does not begin with a join that names a member', () => {
    const h = new MachineHost();
    expect(h.join('g', 'a-1')).toMatchObject([{ errorCode: ErrorCode.UNKNOWN_MEMBER_ID }]);
    expect(h.listed()).toEqual([]);
  });

  test('vanishes after a while if nobody joins with the member id that it gave out', () => {
    const h = new MachineHost();
    expect(h.join('g', '', 4)).toMatchObject([{ errorCode: ErrorCode.MEMBER_ID_REQUIRED }]);
    expect(h.listed()).toEqual(['g classic Empty']);
    h.port.advance(10_001);
    h.port.advance(600_000);
    expect(h.listed()).toEqual([]);
  });

  test('can be deleted only when it is empty, and its offsets are deleted with it', () => {
    const h = new MachineHost();
    const { memberId, generation } = h.stableGroup('g');
    expect(h.commit('g', 7, { memberId, epoch: generation })).toBe(0);
    expect(h.delete('g')).toBe(ErrorCode.NON_EMPTY_GROUP);
    h.leave('g', memberId);
    expect(h.listed()).toEqual(['g classic Empty']);
    expect(h.delete('g')).toBe(ErrorCode.NONE);
    expect([h.listed(), h.fetch('g')]).toEqual([[], -1]);
    expect([h.reloaded().listed(), h.reloaded().fetch('g')]).toEqual([[], -1]);
    expect(h.delete('g')).toBe(ErrorCode.GROUP_ID_NOT_FOUND);
  });
});

describe('a group whose deletion takes several decisions', () => {
  const LOADING = ErrorCode.COORDINATOR_LOAD_IN_PROGRESS;

  function deleting(): { h: MachineHost; deleted: ErrorCode[] } {
    const h = new MachineHost();
    const { memberId } = h.stableGroup('g');
    h.leave('g', memberId);
    h.commitMany('g', 12_000);
    const deleted: ErrorCode[] = [];
    h.machine.delete('g', (errorCode) => deleted.push(errorCode));
    return { h, deleted };
  }

  test('refuses joins, commits and fetches until it is deleted', () => {
    const { h, deleted } = deleting();
    expect(deleted).toEqual([]);
    expect(h.join('g')).toMatchObject([{ errorCode: LOADING }]);
    expect(h.consumerHeartbeat('g', 'm', 0)).toMatchObject({ errorCode: LOADING });
    expect([h.commit('g', 5), h.fetch('g'), h.delete('g')]).toEqual([LOADING, `error ${LOADING}`, LOADING]);
    h.port.advance(10);
    expect([deleted, h.listed(), h.reloaded().listed()]).toEqual([[ErrorCode.NONE], [], []]);
    expect(h.join('g')).toHaveLength(0);
    expect([h.commit('other', 5), h.fetch('g')]).toEqual([0, -1]);
  });

  test('accepts commits and fetches again if the shard refuses the rest of the deletion', () => {
    const { h, deleted } = deleting();
    h.port.refusal = ErrorCode.COORDINATOR_NOT_AVAILABLE;
    h.port.advance(10);
    h.port.refusal = ErrorCode.NONE;
    expect(deleted).toEqual([ErrorCode.COORDINATOR_NOT_AVAILABLE]);
    expect([h.commit('g', 5), h.fetch('g'), h.delete('g')]).toEqual([0, 5, undefined]);
  });
});

describe('a simple group', () => {
  test('exists while it has offsets', () => {
    const h = new MachineHost();
    expect(h.commit('tool', 5)).toBe(0);
    expect([h.listed(), h.fetch('tool')]).toEqual([['tool classic Empty'], 5]);
    expect(h.reloaded().listed()).toEqual(['tool classic Empty']);
    expect(h.delete('tool')).toBe(0);
    expect(h.listed()).toEqual([]);
  });

  test.each([
    [8, ErrorCode.ILLEGAL_GENERATION],
    [9, ErrorCode.GROUP_ID_NOT_FOUND],
  ])('OffsetCommit v%i with a generation finds no group', (version, errorCode) => {
    const h = new MachineHost();
    expect(h.commit('tool', 5, { memberId: 'a-1', epoch: 3, version })).toBe(errorCode);
    expect(h.listed()).toEqual([]);
  });

  test('has no members, so it refuses a commit with a generation', () => {
    const h = new MachineHost();
    h.commit('tool', 5);
    expect(h.commit('tool', 6, { memberId: 'a-1', epoch: 0 })).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
    expect(h.fetch('tool')).toBe(5);
  });

  test('vanishes when its offsets expire', () => {
    const h = new MachineHost();
    h.commit('tool', 5);
    h.port.advance(604_800_000 + 600_000);
    expect([h.listed(), h.fetch('tool')]).toEqual([[], -1]);
  });
});

describe('the offsets of a classic group', () => {
  test('stay while a member subscribes to the topic', () => {
    const h = new MachineHost();
    const { memberId, generation } = h.stableGroup('g');
    h.commit('g', 7, { memberId, epoch: generation });
    for (let day = 0; day < 9; day++) {
      for (let hour = 0; hour < 24 * 720; hour++) {
        h.port.advance(5000);
        h.machine.heartbeat({
          request: { groupId: 'g', generationId: generation, memberId, groupInstanceId: null },
          version: 3,
          client: { clientId: '', clientHost: '' },
          reply: () => {},
        });
      }
    }
    expect([h.listed(), h.fetch('g')]).toEqual([['g classic Stable'], 7]);
  });

  test('expire when the group has been empty for the retention time, and then the group vanishes', () => {
    const h = new MachineHost();
    const { memberId, generation } = h.stableGroup('g');
    h.commit('g', 7, { memberId, epoch: generation });
    h.leave('g', memberId);
    h.port.advance(604_800_000 - 600_001);
    expect(h.fetch('g')).toBe(7);
    h.port.advance(1_200_001);
    expect([h.listed(), h.fetch('g')]).toEqual([[], -1]);
  });

  test('cannot be committed in another generation, or by an unknown member', () => {
    const h = new MachineHost();
    const { memberId, generation } = h.stableGroup('g');
    expect(h.commit('g', 7, { memberId, epoch: generation + 1 })).toBe(ErrorCode.ILLEGAL_GENERATION);
    expect(h.commit('g', 7, { memberId: 'a-9', epoch: generation })).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
    expect(h.fetch('g')).toBe(-1);
  });
});

describe('a consumer group (KIP-848)', () => {
  test('begins with a join, and a new shard finds it in the log', () => {
    const h = new MachineHost();
    const answer = h.consumerHeartbeat('c', 'm', 0);
    expect(answer).toMatchObject({
      errorCode: 0,
      assignment: { topicPartitions: [{ topicId: WORDS, partitions: [0, 1] }] },
    });
    expect(h.listed()).toEqual(['c consumer Stable']);
    expect(h.reloaded().listed()).toEqual(['c consumer Stable']);
  });

  test('does not begin with a heartbeat of an unknown member', () => {
    const h = new MachineHost();
    expect(h.consumerHeartbeat('c', 'm', 3)).toMatchObject({ errorCode: ErrorCode.GROUP_ID_NOT_FOUND });
    expect(h.listed()).toEqual([]);
  });

  test('accepts commits and fetches only in the right member epoch', () => {
    const h = new MachineHost();
    const epoch = h.consumerHeartbeat('c', 'm', 0)!.memberEpoch!;
    expect(h.commit('c', 9, { memberId: 'm', epoch })).toBe(0);
    expect(h.commit('c', 8, { memberId: 'm', epoch: epoch + 1 })).toBe(ErrorCode.STALE_MEMBER_EPOCH);
    expect(h.fetch('c', 'm', epoch)).toBe(9);
    expect(h.fetch('c', 'm', epoch + 1)).toBe(`error ${ErrorCode.STALE_MEMBER_EPOCH}`);
    expect(h.fetch('c', 'nobody', epoch)).toBe(`error ${ErrorCode.UNKNOWN_MEMBER_ID}`);
  });
});

describe('a group that changes its type', () => {
  test('an empty classic group becomes a consumer group, and its offsets stay', () => {
    const h = new MachineHost();
    const { memberId, generation } = h.stableGroup('g');
    h.commit('g', 7, { memberId, epoch: generation });
    h.leave('g', memberId);
    expect(h.consumerHeartbeat('g', 'm', 0)).toMatchObject({ errorCode: 0 });
    expect([h.listed(), h.fetch('g')]).toEqual([['g consumer Stable'], 7]);
    expect([h.reloaded().listed(), h.reloaded().fetch('g')]).toEqual([['g consumer Stable'], 7]);
  });

  test('an empty consumer group becomes a classic group', () => {
    const h = new MachineHost();
    const epoch = h.consumerHeartbeat('g', 'm', 0)!.memberEpoch!;
    h.commit('g', 7, { memberId: 'm', epoch });
    h.consumerHeartbeat('g', 'm', -1);
    expect(h.listed()).toEqual(['g consumer Empty']);
    h.stableGroup('g');
    expect([h.listed(), h.fetch('g')]).toEqual([['g classic Stable'], 7]);
    expect([h.reloaded().listed(), h.reloaded().fetch('g')]).toEqual([['g classic Stable'], 7]);
  });
});

describe('a group with members that changes its type', () => {
  test('a classic group becomes a consumer group when a consumer member joins, until this member leaves', () => {
    const h = new MachineHost();
    const { memberId, generation } = h.stableGroup('g', ASSIGNED);
    h.commit('g', 7, { memberId, epoch: generation });
    expect(h.consumerHeartbeat('g', 'm', 0)).toMatchObject({ errorCode: 0, memberEpoch: generation + 1 });
    expect(h.listed()).toEqual(['g consumer Reconciling']);
    expect(h.heartbeat('g', memberId, generation)).toBe(ErrorCode.REBALANCE_IN_PROGRESS);
    expect([h.reloaded().listed(), h.reloaded().fetch('g')]).toEqual([['g consumer Reconciling'], 7]);
    h.consumerHeartbeat('g', 'm', -1);
    expect(h.listed()).toEqual(['g classic PreparingRebalance']);
    expect(h.failedOver().listed()).toEqual(['g classic PreparingRebalance']);
    expect(h.reloaded().fetch('g')).toBe(7);
  });

  test('a join that is refused does not change the type of the group', () => {
    const h = new MachineHost();
    h.stableGroup('g', ASSIGNED);
    const regex = { subscribedTopicNames: null, subscribedTopicRegex: '(' };
    expect(h.consumerHeartbeat('g', 'm', 0, regex)).toMatchObject({
      errorCode: ErrorCode.INVALID_REGULAR_EXPRESSION,
    });
    for (const change of [{}, regex])
      expect(h.consumerHeartbeat('g', 'm', 3, change)).toMatchObject({
        errorCode: ErrorCode.GROUP_ID_NOT_FOUND,
      });
    expect(h.listed()).toEqual(['g classic Stable']);
  });

  test('a join that a full group refuses does not change the type, and an accepted join is one decision', () => {
    const full = new MachineHost({ ...groupsConfig, consumer: { ...groupsConfig.consumer, maxSize: 1 } });
    const { memberId, generation } = full.stableGroup('g', ASSIGNED);
    expect(full.consumerHeartbeat('g', 'm', 0)).toMatchObject({
      errorCode: ErrorCode.GROUP_MAX_SIZE_REACHED,
    });
    expect(full.listed()).toEqual(['g classic Stable']);
    expect(full.heartbeat('g', memberId, generation)).toBe(ErrorCode.NONE);
    const h = new MachineHost();
    h.stableGroup('g', ASSIGNED);
    const before = h.port.lastWrite;
    const { port } = h;
    const write = port.write.bind(port);
    port.write = (records) =>
      port.lastWrite > before ? ErrorCode.COORDINATOR_NOT_AVAILABLE : write(records);
    expect(h.consumerHeartbeat('g', 'm', 0)).toMatchObject({ errorCode: 0 });
    expect(port.lastWrite).toBe(before + 1);
  });

  test('an empty consumer group stays if a classic join is refused', () => {
    const h = new MachineHost();
    h.consumerHeartbeat('g', 'm', 0);
    h.consumerHeartbeat('g', 'm', -1);
    expect(h.join('g', 'a-1')).toMatchObject([{ errorCode: ErrorCode.UNKNOWN_MEMBER_ID }]);
    expect(h.listed()).toEqual(['g consumer Empty']);
  });

  test('a join that is parked in the classic group gets REBALANCE_IN_PROGRESS at the change', () => {
    const h = new MachineHost();
    h.stableGroup('g', ASSIGNED);
    const parked = h.join('g');
    expect(parked).toEqual([]);
    h.consumerHeartbeat('g', 'm', 0);
    expect(parked).toMatchObject([{ errorCode: ErrorCode.REBALANCE_IN_PROGRESS }]);
  });

  test('the shard may get the next request while it answers a parked join', () => {
    const h = new MachineHost();
    h.stableGroup('g', ASSIGNED);
    const next: unknown[] = [];
    h.join('g', '', 3, 10_000, () => next.push(h.commit('tool', 5)));
    expect(h.consumerHeartbeat('g', 'm', 0)).toMatchObject({ errorCode: 0 });
    expect([next, h.fetch('tool')]).toEqual([[0], 5]);
  });

  test('a join that is parked in the classic group is answered when the change is committed', () => {
    const h = new MachineHost();
    h.stableGroup('g', ASSIGNED);
    const parked = h.join('g');
    h.port.commitsAtOnce = false;
    h.consumerHeartbeat('g', 'm', 0);
    expect(parked).toEqual([]);
    h.port.commit();
    expect(parked).toMatchObject([{ errorCode: ErrorCode.REBALANCE_IN_PROGRESS }]);
  });
});

describe('answers', () => {
  test('wait for the commits of their own group only', () => {
    const h = new MachineHost();
    const { memberId, generation } = h.stableGroup('g');
    h.commit('g', 1, { memberId, epoch: generation });
    h.port.commitsAtOnce = false;
    expect(h.commit('other', 2)).toBeUndefined();
    expect(h.fetch('g')).toBe(1);
    expect(h.fetch('other')).toBeUndefined();
    expect(h.commit('g', 3, { memberId, epoch: generation + 1 })).toBe(ErrorCode.ILLEGAL_GENERATION);
  });

  test('about a deleted group wait until the deletion is committed', () => {
    const h = new MachineHost();
    const { memberId } = h.stableGroup('g');
    h.leave('g', memberId);
    h.port.commitsAtOnce = false;
    expect([h.delete('g'), h.delete('g')]).toEqual([undefined, undefined]);
    const described: unknown[] = [];
    h.machine.describeClassic('g', 6, ({ errorCode }) => described.push(errorCode));
    expect([described, h.consumerHeartbeat('g', 'm', 3)]).toEqual([[], undefined]);
    expect(h.join('g', '', 4)).toEqual([]);
    h.port.commit();
    expect([described, h.delete('x')]).toEqual([[69], ErrorCode.GROUP_ID_NOT_FOUND]);
  });

  test('about a group that changed its type wait until this change is committed', () => {
    const h = new MachineHost();
    const { memberId, generation } = h.stableGroup('g', ASSIGNED);
    h.consumerHeartbeat('g', 'm', 0);
    h.port.commitsAtOnce = false;
    h.consumerHeartbeat('g', 'm', -1);
    expect(h.listed()).toEqual(['g classic PreparingRebalance']);
    expect(h.heartbeat('g', memberId, generation)).toBeUndefined();
    h.port.commit();
    expect(h.heartbeat('g', memberId, generation + 1)).toBe(ErrorCode.REBALANCE_IN_PROGRESS);
  });

  test('about an unknown group need the lease', () => {
    const h = new MachineHost();
    const { memberId, generation } = h.stableGroup('g');
    h.port.commitsAtOnce = false;
    // Without the lease no answer may leave, even if no decision waits for its commit.
    const waiting: ((errorCode: ErrorCode) => void)[] = [];
    h.port.whenCommitted = (_write, done) => waiting.push(done);
    const answers: unknown[] = [];
    const reply = (answer: unknown) => answers.push(answer);
    const client = { clientId: '', clientHost: '' };
    const member = { memberId: 'm', groupInstanceId: null };
    const sent = { groupId: 'x', ...member, generationId: 1 };
    h.join('x', 'm', 3, 10_000, () => reply('join'));
    h.machine.heartbeat({ request: sent, version: 3, client, reply });
    const sync = { ...sent, protocolType: null, protocolName: null, assignments: [] };
    h.machine.sync({ request: sync, version: 3, client, reply });
    const leave = { groupId: 'x', memberId: '', members: [{ ...member, reason: null }] };
    h.machine.leave({ request: leave, version: 4, client, reply });
    const long = {
      partitionIndex: 0,
      committedOffset: 1,
      committedLeaderEpoch: -1,
      committedMetadata: 'x'.repeat(5000),
    };
    h.machine.commit(
      {
        groupId: 'g',
        memberId,
        generationIdOrMemberEpoch: generation,
        groupInstanceId: null,
        retentionTimeMs: -1,
        version: 9,
      },
      [{ name: 'words', topicId: WORDS, partitions: [long] }],
      reply,
    );
    expect(answers).toEqual([]);
    for (const done of waiting) done(ErrorCode.NOT_COORDINATOR);
    expect(answers).toMatchObject([
      'join',
      { errorCode: ErrorCode.NOT_COORDINATOR },
      { errorCode: ErrorCode.NOT_COORDINATOR },
      { errorCode: ErrorCode.NOT_COORDINATOR },
      [{ partitions: [{ errorCode: ErrorCode.NOT_COORDINATOR }] }],
    ]);
  });

  test('to a fetch with a wrong epoch become NOT_COORDINATOR after the commit timeout', () => {
    const h = new MachineHost();
    const epoch = h.consumerHeartbeat('c', 'm', 0)!.memberEpoch!;
    h.port.commitsAtOnce = false;
    h.consumerHeartbeat('c', 'n', 0);
    const answers: ErrorCode[] = [];
    const wanted = { groupId: 'c', memberId: 'm', memberEpoch: epoch + 7, requireStable: false };
    h.machine.fetch(wanted, null, ({ errorCode }) => answers.push(errorCode as ErrorCode));
    h.port.timeOutCommits();
    expect(answers).toEqual([ErrorCode.NOT_COORDINATOR]);
  });

  test('a decision that the shard refuses changes nothing', () => {
    const h = new MachineHost();
    h.commit('tool', 1);
    h.port.refusal = ErrorCode.COORDINATOR_NOT_AVAILABLE;
    expect(h.commit('tool', 2)).toBe(ErrorCode.COORDINATOR_NOT_AVAILABLE);
    expect(h.fetch('tool')).toBe(1);
    expect(h.consumerHeartbeat('c', 'm', 0)).toMatchObject({
      errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE,
    });
    expect(h.listed()).toEqual(['tool classic Empty']);
  });

  test('the offsets of a deleted topic vanish', () => {
    const h = new MachineHost();
    h.commit('tool', 5);
    h.change([{ type: 'removeTopic', topicId: WORDS }]);
    expect([h.listed(), h.fetch('tool')]).toEqual([[], -1]);
  });
});

test('a shard reads the offset records of the oldest Kafka releases, without leader epoch and topic id', () => {
  const h = new MachineHost();
  const key = Uint8Array.from([0, 0, 0, 1, 103, 0, 5, ...Buffer.from('words'), 0, 0, 0, 0]);
  const value = new Uint8Array(Buffer.from('0000000000000000002a00016d0000018bcfe5687b', 'hex'));
  h.machine.replay({ key, value });
  expect(h.fetch('g')).toBe(42);
});

test('the history of a group lists its rebalances with their causes, oldest first', () => {
  const h = new MachineHost();
  const { memberId } = h.stableGroup('g');
  h.leave('g', memberId);
  expect(h.machine.rebalances('g')).toMatchObject([
    { cause: 'member-joined', memberId, clientId: 'test', clientHost: '/10.0.0.1' },
    { cause: 'member-left', memberId, clientId: 'test', clientHost: '/10.0.0.1' },
  ]);
  expect(h.machine.rebalances('other')).toEqual([]);
  h.consumerHeartbeat('other', 'm', 0);
  expect(h.causes).toEqual(['member-joined', 'member-left', 'member-joined']);
});

describe('the history of a group', () => {
  const causes = (h: MachineHost) => h.machine.rebalances('g').map(({ cause }) => cause);

  test('stays when a group with members changes its type', () => {
    const h = new MachineHost();
    h.stableGroup('g', ASSIGNED);
    h.consumerHeartbeat('g', 'm', 0);
    expect([h.listed(), causes(h)]).toEqual([['g consumer Reconciling'], ['member-joined', 'member-joined']]);
    h.consumerHeartbeat('g', 'm', -1);
    expect(h.listed()).toEqual(['g classic PreparingRebalance']);
    expect(causes(h)).toEqual(['member-joined', 'member-joined', 'became-classic']);
  });

  test('stays when an empty group changes its type', () => {
    const h = new MachineHost();
    h.consumerHeartbeat('g', 'm', 0);
    h.consumerHeartbeat('g', 'm', -1);
    h.stableGroup('g');
    expect([h.listed(), causes(h)]).toEqual([
      ['g classic Stable'],
      ['member-joined', 'member-left', 'member-joined'],
    ]);
  });

  test('is deleted with the group', () => {
    const h = new MachineHost();
    const { memberId } = h.stableGroup('g');
    h.leave('g', memberId);
    expect([h.delete('g'), causes(h)]).toEqual([ErrorCode.NONE, []]);
    h.stableGroup('g');
    expect(causes(h)).toEqual(['member-joined']);
  });
});
