/** Goal: the requests that members repeat all the time wait while the shard of their group loads. */
import { ManualClock } from '@millrace/base/testing';
import { ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import type { ConsumerHeartbeatCall } from '../../src/groups/requests.ts';
import type { GroupCoordinator } from '../../src/index.ts';
import { LOAD_WAIT_MS } from '../../src/runtime/load-queue.ts';
import { coordinatorOn } from '../support/coordinator.ts';
import { FakePartitions } from '../support/fake-partitions.ts';
import { imageWithOffsetsTopic } from '../support/topic-records.ts';

const LOADING = ErrorCode.COORDINATOR_LOAD_IN_PROGRESS;

/** A coordinator whose only shard loads until the test advances the clock. */
class Scene {
  readonly clock = new ManualClock();
  readonly partitions = new FakePartitions(this.clock);
  readonly answers: string[] = [];
  readonly coordinator: GroupCoordinator;

  constructor() {
    const image = imageWithOffsetsTopic(1);
    this.coordinator = coordinatorOn(this.partitions, this.clock, () => image);
    this.partitions.lead(0);
  }

  beat(memberEpoch: number): void {
    const request = {
      groupId: 'g',
      memberId: 'm',
      memberEpoch,
      instanceId: null,
      rackId: null,
      rebalanceTimeoutMs: 1000,
      subscribedTopicNames: ['t'],
      subscribedTopicRegex: null,
      serverAssignor: null,
      topicPartitions: [],
    };
    const client = { clientId: 'c', clientHost: '/h' };
    const reply: ConsumerHeartbeatCall['reply'] = ({ errorCode }) =>
      this.answers.push(`beat ${errorCode ?? 0}`);
    this.coordinator.consumerHeartbeat({ request, version: 1, client, reply });
  }

  commit(offset: number): void {
    const partition = {
      partitionIndex: 0,
      committedOffset: offset,
      committedLeaderEpoch: -1,
      committedMetadata: '',
    };
    const topics = [{ name: 't', topicId: 'AAAAAAAAAAAAAAAAAAAAZA' as never, partitions: [partition] }];
    const wanted = { groupId: 'g', memberId: '', generationIdOrMemberEpoch: -1, groupInstanceId: null };
    this.coordinator.commit({ ...wanted, retentionTimeMs: -1, version: 9 }, topics, ([topic]) =>
      this.answers.push(`commit ${topic!.partitions[0]!.errorCode}`),
    );
  }

  fetch(): void {
    const wanted = { groupId: 'g', memberId: null, memberEpoch: -1, requireStable: false };
    this.coordinator.fetch(wanted, null, ({ errorCode, topics }) => {
      const offsets = topics.flatMap(({ partitions }) => partitions.map((one) => one.committedOffset));
      this.answers.push(`fetch ${errorCode} ${offsets.join()}`);
    });
  }
}

test('heartbeats of KIP-848, commits and fetches get their answers, in their order, when the load ends', () => {
  const s = new Scene();
  s.commit(5);
  s.commit(6);
  s.fetch();
  expect(s.answers).toEqual([]);
  s.clock.advance(10);
  expect(s.answers).toEqual(['commit 0', 'commit 0', 'fetch 0 6']);
  const other = new Scene();
  other.beat(0);
  other.clock.advance(10);
  expect(other.answers).toEqual(['beat 0']);
});

test('a member that the loaded group does not know is refused after the load, not before', () => {
  const s = new Scene();
  s.beat(7);
  expect(s.answers).toEqual([]);
  s.clock.advance(10);
  expect(s.answers).toHaveLength(1);
  expect(s.answers).not.toContain(`beat ${LOADING}`);
});

test('while the load waits for the ISR, the requests are refused after half a second', () => {
  const s = new Scene();
  s.partitions.commits = false;
  s.commit(5);
  s.fetch();
  s.beat(0);
  s.clock.advance(LOAD_WAIT_MS - 1);
  expect(s.answers).toEqual([]);
  s.clock.advance(1);
  expect(s.answers).toEqual([`commit ${LOADING}`, `fetch ${LOADING} `, `beat ${LOADING}`]);
});

test('the end of the leadership refuses the waiting requests at once', () => {
  const s = new Scene();
  s.commit(5);
  s.fetch();
  s.partitions.resign(0);
  const gone = ErrorCode.NOT_COORDINATOR;
  expect(s.answers).toEqual([`commit ${gone}`, `fetch ${gone} `]);
});

test('a request that does not wait does not overtake one that waits', () => {
  const s = new Scene();
  s.commit(5);
  const [partition] = s.coordinator.runtime.partitions;
  while (typeof partition!.loaded === 'number') s.clock.advance(1);
  expect(s.answers).toEqual([]);
  const groups = ['g'];
  s.coordinator.delete(groups, ([deleted]) => s.answers.push(`delete ${deleted!.errorCode}`));
  expect(s.answers).toEqual([`delete ${LOADING}`]);
  s.clock.advance(5);
  s.coordinator.delete(groups, ([deleted]) => s.answers.push(`delete ${deleted!.errorCode}`));
  s.clock.advance(5);
  expect(s.answers.slice(1)).toEqual(['commit 0', 'delete 0']);
});
