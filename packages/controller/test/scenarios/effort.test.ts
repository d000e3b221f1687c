/**
 * Goal: the cost of one more topic does not grow with the number of topics. Method: counts steps, not
 * milliseconds.
 */
import { ParkedUntilOffset } from '@millrace/base';
import type { BrokerSetting, MetadataImage } from '@millrace/metadata';
import { ConfigResourceType, ErrorCode } from '@millrace/protocol';
import { afterEach, expect, test, vi } from 'vitest';
import { alter, codes } from '../support/alter.ts';
import { Harness } from '../support/harness.ts';

const TOPICS = 300;

afterEach(() => {
  vi.restoreAllMocks();
});

function names(prefix: string): { name: string; replicas: number }[] {
  return Array.from({ length: TOPICS }, (_unused, index) => ({ name: `${prefix}${index}`, replicas: 2 }));
}

test('placing the topics of a request looks at no existing topic', () => {
  const h = new Harness({}, [1, 2, 3]);
  h.createTopics(names('old'));
  h.commit();
  // `byBroker` holds the replicas of each broker. The update of the index reads it once for each broker. If
  // the controller counted the replicas for each topic, it would read the map hundreds of times.
  const walk = vi.spyOn(h.active.head.topics.state.replicas.byBroker, 'get');
  h.createTopics(names('new'));
  expect(walk.mock.calls.length).toBeLessThanOrEqual(3);
  h.commit();
  const counted = [1, 2, 3].map((id) => h.active.image.replicaCount(id));
  expect(counted).toEqual([1, 2, 3].map((id) => [...h.active.image.partitionsOf(id)].length));
  expect(counted.reduce((sum, count) => sum + count)).toBe(2 * 2 * TOPICS);
});

test('the sorted names are updated as topics come and go, and not sorted again', () => {
  const h = new Harness({}, [1, 2]);
  h.createTopics(names('old'));
  h.commit();
  let { image } = h.active;
  expect(image.topicNames).toHaveLength(TOPICS);
  const sort = vi.spyOn(Array.prototype, 'sort');
  let sorted = 0;
  for (const { name } of names('new')) {
    h.active.createTopics(
      {
        topics: [{ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
        timeoutMs: 1000,
        validateOnly: false,
      },
      { version: 7, clientId: null },
      h.now,
      () => {},
    );
    for (const batch of h.pending.splice(0)) h.active.committed(batch);
    sort.mockClear();
    image = h.active.image;
    image.topicNames;
    for (const each of sort.mock.contexts) sorted += (each as unknown[]).length;
  }
  expect(sorted).toBeLessThan(TOPICS);
  sort.mockRestore();
  expect(image.topicNames).toEqual([...names('old'), ...names('new')].map(({ name }) => name).sort());
});

test('a setting of all brokers looks at the topics only if it has effects on their partitions', () => {
  const setting: BrokerSetting = { isDynamic: true, defaultList: undefined, check: () => undefined };
  const brokerSettings = new Map(
    ['max.connections', 'min.insync.replicas', 'unclean.leader.election.enable'].map((name) => [
      name,
      setting,
    ]),
  );
  const h = new Harness({ brokerSettings }, [1, 2]);
  h.createTopics(names('t'));
  h.commit();
  const looks = (name: string, value: string): number => {
    const look = vi.spyOn(Object.getPrototypeOf(h.active.head) as MetadataImage, 'topic');
    const changes = [['SET', name, value]] as const;
    const answer = alter(h, [{ type: ConfigResourceType.BROKER, name: '', changes }]);
    const count = look.mock.calls.length;
    look.mockRestore();
    h.commit();
    expect(codes(answer)).toEqual([ErrorCode.NONE]);
    return count;
  };
  expect(looks('max.connections', '7')).toBe(0);
  expect(looks('min.insync.replicas', '2')).toBe(TOPICS);
  expect(looks('unclean.leader.election.enable', 'true')).toBe(TOPICS);
});

test('hundreds of requests that time out together are taken from the queue in one walk', () => {
  const h = new Harness({}, [1]);
  const answers = names('t').map((topic) => h.createTopics([{ ...topic, replicas: 1 }], { timeoutMs: 100 }));
  const walk = vi.spyOn(ParkedUntilOffset.prototype, 'removeWhere');
  h.advance(100);
  expect(walk.mock.calls.length).toBe(1);
  for (const answer of answers) expect(answer.value?.topics[0]?.errorCode).toBe(ErrorCode.REQUEST_TIMED_OUT);
});
