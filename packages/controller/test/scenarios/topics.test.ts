/**
 * Goal: the controller creates and deletes topics, and adds partitions to topics, by Kafka's rules. It
 * decides each topic of a request independently of the others. Method: one case for each rule.
 */
import { type Uuid, ZERO_UUID } from '@millrace/base';
import { type CreatePartitionsResponse, type CreateTopicsResponse, ErrorCode } from '@millrace/protocol';
import { describe, expect, test } from 'vitest';
import { Harness, pendingAnswer, resolve, type TopicSpec } from '../support/harness.ts';

function outcome(h: Harness, spec: TopicSpec | readonly TopicSpec[], options = {}) {
  const answer = h.createTopics('name' in spec ? [spec] : spec, options);
  h.commit();
  return answer.value!.topics.map(({ name, errorCode }) => [name, errorCode]);
}

describe('CreateTopics', () => {
  test('answers when the topic is committed, with its id, counts, and all configs with their sources', () => {
    const h = new Harness({ serverProperties: new Map([['min.insync.replicas', '2']]) }, [1, 2, 3]);
    const configs = { 'retention.ms': '1000' };
    const answer = h.createTopics([{ name: 't', partitions: 3, replicas: 2, configs }]);
    expect(answer.value).toBeUndefined();
    expect(h.active.image.topic('t')).toBeUndefined();
    h.commit();
    const [result] = answer.value!.topics;
    const topic = h.active.image.topic('t')!;
    expect(result).toMatchObject({
      name: 't',
      topicId: topic.id,
      errorCode: 0,
      errorMessage: null,
      numPartitions: 3,
      replicationFactor: 2,
    });
    const config = (name: string) => result?.configs?.find((each) => each.name === name);
    expect(config('retention.ms')).toMatchObject({ value: '1000', configSource: 1, readOnly: false });
    expect(config('min.insync.replicas')).toMatchObject({ value: '2', configSource: 4 });
    expect(config('cleanup.policy')).toMatchObject({ value: 'delete', configSource: 5, isSensitive: false });
    expect(new Map(h.active.image.topicConfig('t'))).toEqual(new Map([['retention.ms', '1000']]));
    for (const { replicas, isr, leader, leaderEpoch } of topic.partitions) {
      expect(replicas.length).toBe(2);
      expect(isr).toEqual(replicas);
      expect(leader).toBe(replicas[0]);
      expect(leaderEpoch).toBe(0);
    }
  });

  test('-1 partitions or replicas mean the default of the cluster', () => {
    const h = new Harness({ numPartitions: 4, defaultReplicationFactor: 2 }, [1, 2]);
    outcome(h, { name: 't' });
    expect(h.active.image.topic('t')?.partitions.map(({ replicas }) => replicas.length)).toEqual([
      2, 2, 2, 2,
    ]);
  });

  test('the last value of a repeated config counts', () => {
    const h = new Harness({}, [1]);
    const answer = pendingAnswer<CreateTopicsResponse>();
    const topic = { name: 't', numPartitions: 1, replicationFactor: 1, assignments: [] };
    const configs = ['1000', '2000'].map((value) => ({ name: 'retention.ms', value }));
    const request = { topics: [{ ...topic, configs }], timeoutMs: 1000, validateOnly: false };
    h.active.createTopics(request, { version: 7, clientId: null }, h.now, (response) =>
      resolve(answer, response),
    );
    h.commit();
    const [result] = answer.value!.topics;
    expect(result?.configs?.find(({ name }) => name === 'retention.ms')?.value).toBe('2000');
    expect(new Map(h.active.image.topicConfig('t'))).toEqual(new Map([['retention.ms', '2000']]));
  });

  test('topic ids differ', () => {
    const h = new Harness({}, [1]);
    outcome(h, [{ name: 'a' }, { name: 'b' }]);
    expect(h.topicId('a')).not.toBe(h.topicId('b'));
  });

  test.each<[string, number, TopicSpec]>([
    ['an empty name', ErrorCode.INVALID_TOPIC_EXCEPTION, { name: '' }],
    ['a name of dots', ErrorCode.INVALID_TOPIC_EXCEPTION, { name: '..' }],
    ['an illegal character', ErrorCode.INVALID_TOPIC_EXCEPTION, { name: 'a b' }],
    ['a long name', ErrorCode.INVALID_TOPIC_EXCEPTION, { name: 'a'.repeat(250) }],
    ['the metadata topic', ErrorCode.INVALID_REQUEST, { name: '__cluster_metadata' }],
    ['a topic that exists', ErrorCode.TOPIC_ALREADY_EXISTS, { name: 'old.topic' }],
    ['a colliding name', ErrorCode.INVALID_TOPIC_EXCEPTION, { name: 'old_topic' }],
    ['a config without value', ErrorCode.INVALID_CONFIG, { name: 't', configs: { 'retention.ms': null } }],
    ['an unknown config', ErrorCode.INVALID_CONFIG, { name: 't', configs: { colour: 'blue' } }],
    ['a bad config', ErrorCode.INVALID_CONFIG, { name: 't', configs: { 'retention.ms': 'soon' } }],
    ['no partitions', ErrorCode.INVALID_PARTITIONS, { name: 't', partitions: 0 }],
    ['-2 partitions', ErrorCode.INVALID_PARTITIONS, { name: 't', partitions: -2 }],
    ['no replicas', ErrorCode.INVALID_REPLICATION_FACTOR, { name: 't', replicas: 0 }],
    ['-2 replicas', ErrorCode.INVALID_REPLICATION_FACTOR, { name: 't', replicas: -2 }],
    ['more replicas than brokers', ErrorCode.INVALID_REPLICATION_FACTOR, { name: 't', replicas: 4 }],
    [
      'an assignment and a count',
      ErrorCode.INVALID_REQUEST,
      { name: 't', partitions: 1, assignments: [[1]] },
    ],
    ['an assignment and a factor', ErrorCode.INVALID_REQUEST, { name: 't', replicas: 1, assignments: [[1]] }],
    ['an empty list of replicas', ErrorCode.INVALID_REPLICA_ASSIGNMENT, { name: 't', assignments: [[]] }],
    ['a broker twice', ErrorCode.INVALID_REPLICA_ASSIGNMENT, { name: 't', assignments: [[1, 1]] }],
    ['an unknown broker', ErrorCode.INVALID_REPLICA_ASSIGNMENT, { name: 't', assignments: [[1, 9]] }],
    ['a negative broker', ErrorCode.INVALID_REPLICA_ASSIGNMENT, { name: 't', assignments: [[-1]] }],
    [
      'lists of unequal length',
      ErrorCode.INVALID_REPLICA_ASSIGNMENT,
      { name: 't', assignments: [[1, 2], [3]] },
    ],
    ['a gap', ErrorCode.INVALID_REPLICA_ASSIGNMENT, { name: 't', assignments: [[1], [2]], indexes: [0, 2] }],
    [
      'an index twice',
      ErrorCode.INVALID_REPLICA_ASSIGNMENT,
      { name: 't', assignments: [[1], [2]], indexes: [0, 0] },
    ],
    ['no partition 0', ErrorCode.INVALID_REPLICA_ASSIGNMENT, { name: 't', assignments: [[1]], indexes: [1] }],
    ['too many partitions', ErrorCode.POLICY_VIOLATION, { name: 't', partitions: 10_001 }],
  ])('%s is refused; nothing is written', (_what, errorCode, spec) => {
    const h = new Harness({}, [1, 2, 3]);
    h.topic('old.topic', [1]);
    const answer = h.createTopics([spec]);
    expect(h.pending).toEqual([]);
    expect(answer.value!.topics).toEqual([
      {
        name: spec.name,
        topicId: ZERO_UUID,
        errorCode,
        errorMessage: expect.stringMatching(/.{10}/),
        topicConfigErrorCode: 0,
        numPartitions: -1,
        replicationFactor: -1,
        configs: [],
      },
    ]);
  });

  test('each topic is checked on its own; the valid ones are created', () => {
    const h = new Harness({}, [1]);
    expect(outcome(h, [{ name: 'good' }, { name: 'b/d' }, { name: 'fine', partitions: 2 }])).toEqual([
      ['good', 0],
      ['b/d', ErrorCode.INVALID_TOPIC_EXCEPTION],
      ['fine', 0],
    ]);
    expect(h.active.image.topicNames).toEqual(['fine', 'good']);
  });

  test('a repeated name is refused once; of two colliding names the second is refused', () => {
    const h = new Harness({}, [1]);
    expect(outcome(h, [{ name: 'x' }, { name: 'x' }, { name: 'a.b' }, { name: 'a_b' }])).toEqual([
      ['x', ErrorCode.INVALID_REQUEST],
      ['a.b', 0],
      ['a_b', ErrorCode.INVALID_TOPIC_EXCEPTION],
    ]);
  });

  test('the limit on partitions applies to all topics of a request together, default counts included', () => {
    const h = new Harness({ maxPartitionsPerRequest: 10, numPartitions: 6 }, [1]);
    expect(outcome(h, [{ name: 'a' }, { name: 'b', partitions: 5 }])).toEqual([
      ['a', ErrorCode.POLICY_VIOLATION],
      ['b', ErrorCode.POLICY_VIOLATION],
    ]);
    expect(outcome(h, [{ name: 'a' }, { name: 'b', partitions: 4 }])).toEqual([
      ['a', 0],
      ['b', 0],
    ]);
  });

  test('a manual assignment is kept unchanged, in whatever order it lists the partitions', () => {
    const h = new Harness({}, [1, 2, 3]);
    h.createTopics([
      {
        name: 't',
        assignments: [
          [3, 1],
          [2, 3],
        ],
        indexes: [1, 0],
      },
    ]);
    h.commit();
    expect(h.active.image.topic('t')?.partitions.map(({ replicas }) => replicas)).toEqual([
      [2, 3],
      [3, 1],
    ]);
  });

  test('a fenced broker may be a replica outside the ISR, but not the only replica', () => {
    const h = new Harness({}, [1, 2]);
    h.kill(1);
    h.topic('t', [1, 2]);
    expect(h.show('t')).toBe('leader 2 isr 2 epochs 0/0');
    expect(outcome(h, { name: 'x', assignments: [[1]] })).toEqual([
      ['x', ErrorCode.INVALID_REPLICA_ASSIGNMENT],
    ]);
  });

  test('with every broker fenced no replica can be placed', () => {
    const h = new Harness({}, [1]);
    h.kill(1);
    expect(outcome(h, { name: 't' })).toEqual([['t', ErrorCode.INVALID_REPLICATION_FACTOR]]);
  });

  test('a broker that is shutting down gets no replicas', () => {
    const h = new Harness({}, [1, 2]);
    h.heartbeat(1, { wantShutDown: true });
    h.commit();
    expect(outcome(h, { name: 't', replicas: 2 })).toEqual([['t', ErrorCode.INVALID_REPLICATION_FACTOR]]);
  });

  test('validate_only checks everything and changes nothing', () => {
    const h = new Harness({}, [1]);
    const answer = h.createTopics(
      [
        { name: 'good', partitions: 2 },
        { name: 'bad', replicas: 2 },
      ],
      { validateOnly: true },
    );
    expect(answer.value?.topics).toMatchObject([
      { name: 'good', topicId: ZERO_UUID, errorCode: 0, numPartitions: 2 },
      { name: 'bad', errorCode: ErrorCode.INVALID_REPLICATION_FACTOR },
    ]);
    expect(h.pending).toEqual([]);
  });

  test('a topic that is being created exists for the next request; its answer waits for the commit', () => {
    const h = new Harness({}, [1]);
    h.createTopics([{ name: 't' }]);
    const second = h.createTopics([{ name: 't' }]);
    expect(second.value).toBeUndefined();
    h.commit();
    expect(second.value?.topics[0]?.errorCode).toBe(ErrorCode.TOPIC_ALREADY_EXISTS);
  });
});

function deleteTopics(h: Harness, targets: readonly { name?: string; id?: Uuid }[], version = 6) {
  type Result = { name: string | null; topicId: Uuid; errorCode: number };
  const answer = pendingAnswer<{ responses: Result[] }>();
  const request = {
    topics:
      version >= 6 ? targets.map(({ name, id }) => ({ name: name ?? null, topicId: id ?? ZERO_UUID })) : [],
    topicNames: version < 6 ? targets.map(({ name }) => name ?? '') : [],
    timeoutMs: 5000,
  };
  h.active.deleteTopics(request, { version, clientId: null }, h.now, (response) => resolve(answer, response));
  return answer;
}

describe('DeleteTopics', () => {
  test('deletes topics by name or by id, with their configs and partitions', () => {
    const h = new Harness({}, [1]);
    h.createTopics([{ name: 'a', configs: { 'retention.ms': '1' } }, { name: 'b' }, { name: 'c' }]);
    h.commit();
    const [a, b] = [h.topicId('a'), h.topicId('b')];
    const answer = deleteTopics(h, [{ name: 'a' }, { id: b }]);
    expect(answer.value).toBeUndefined();
    h.commit();
    expect(answer.value?.responses).toMatchObject([
      { name: 'a', topicId: a, errorCode: 0 },
      { name: 'b', topicId: b, errorCode: 0 },
    ]);
    expect(h.active.image.topicNames).toEqual(['c']);
    expect(h.active.image.topicConfig('a').size).toBe(0);
    expect(h.active.image.replicaCount(1)).toBe(1);
    h.topic('a', [1]);
    expect(h.topicId('a')).not.toBe(a);
  });

  test('requests before version 6 delete topics by name', () => {
    const h = new Harness({}, [1]);
    h.topic('a', [1]);
    const answer = deleteTopics(h, [{ name: 'a' }, { name: 'x' }], 1);
    h.commit();
    expect(answer.value?.responses.map(({ name, errorCode }) => [name, errorCode])).toEqual([
      ['a', 0],
      ['x', ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
    ]);
  });

  test('each topic gets its own error', () => {
    const h = new Harness({}, [1]);
    h.topic('a', [1]);
    h.topic('b', [1]);
    const id = h.topicId('a');
    const unknown = 'Zm9vYmFyYmF6cXV1eDEyMw' as Uuid;
    const answer = deleteTopics(h, [{ name: 'a', id }, {}, { id: unknown }, { name: 'x' }, { name: 'b' }]);
    h.commit();
    expect(answer.value?.responses.map(({ name, errorCode }) => [name, errorCode])).toEqual([
      ['a', ErrorCode.INVALID_REQUEST],
      [null, ErrorCode.INVALID_REQUEST],
      [null, ErrorCode.UNKNOWN_TOPIC_ID],
      ['x', ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
      ['b', 0],
    ]);
  });

  test('an unknown name that is given twice is an invalid request, and is answered once', () => {
    const h = new Harness({}, [1]);
    const twice = [{ name: 'x' }, { name: 'y' }, { name: 'x' }];
    expect(deleteTopics(h, twice).value?.responses).toMatchObject([
      { name: 'x', errorCode: ErrorCode.INVALID_REQUEST },
      { name: 'y', errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION },
    ]);
  });

  test('a topic given twice, by name and by id, is not deleted, and the answer names it once', () => {
    const h = new Harness({}, [1]);
    h.topic('a', [1]);
    const answer = deleteTopics(h, [{ name: 'a' }, { id: h.topicId('a') }]);
    expect(answer.value?.responses).toMatchObject([{ name: 'a', errorCode: ErrorCode.INVALID_REQUEST }]);
    expect(h.pending).toEqual([]);
  });

  test.each([
    [2, ErrorCode.INVALID_REQUEST],
    [3, ErrorCode.TOPIC_DELETION_DISABLED],
  ])('delete.topic.enable=false: version %i gets error %i', (version, errorCode) => {
    const h = new Harness({ deleteTopicEnable: false }, [1]);
    h.topic('a', [1]);
    expect(deleteTopics(h, [{ name: 'a' }], version).value?.responses[0]?.errorCode).toBe(errorCode);
  });
});

interface Growth {
  name: string;
  count: number;
  assignments?: number[][];
}

function createPartitions(h: Harness, topics: readonly Growth[], validateOnly = false) {
  const answer = pendingAnswer<{
    results: { name: string; errorCode: number; errorMessage: string | null }[];
  }>();
  const request = {
    topics: topics.map(({ name, count, assignments }) => ({
      name,
      count,
      assignments: assignments?.map((brokerIds) => ({ brokerIds })) ?? null,
    })),
    timeoutMs: 5000,
    validateOnly,
  };
  h.active.createPartitions(request, { version: 3, clientId: null }, h.now, (response) =>
    resolve(answer, response),
  );
  return answer;
}

describe('CreatePartitions', () => {
  test('count is the new total; the new partitions have the replication factor of the topic', () => {
    const h = new Harness({}, [1, 2, 3]);
    h.topic('t', [1, 2]);
    const answer = createPartitions(h, [{ name: 't', count: 3 }]);
    expect(answer.value).toBeUndefined();
    h.commit();
    expect(answer.value?.results).toEqual([{ name: 't', errorCode: 0, errorMessage: null }]);
    expect(h.active.image.topic('t')?.partitions.map(({ replicas }) => replicas.length)).toEqual([2, 2, 2]);
  });

  test('a wrong number of assignments is reported before the limit on partitions', () => {
    const h = new Harness({ maxPartitionsPerRequest: 5 }, [1]);
    outcome(h, { name: 't', partitions: 1, replicas: 1 });
    const grown = (count: number, assignments: { brokerIds: number[] }[] | null) => {
      const answer = pendingAnswer<CreatePartitionsResponse>();
      const request = { topics: [{ name: 't', count, assignments }], timeoutMs: 1000, validateOnly: true };
      h.active.createPartitions(request, { version: 3, clientId: null }, h.now, (r) => resolve(answer, r));
      h.commit();
      return answer.value!.results[0]!.errorCode;
    };
    expect(grown(100, [{ brokerIds: [1] }])).toBe(ErrorCode.INVALID_REPLICA_ASSIGNMENT);
    expect(grown(100, null)).toBe(ErrorCode.POLICY_VIOLATION);
    expect(grown(100, new Array(99).fill({ brokerIds: [1] }))).toBe(ErrorCode.POLICY_VIOLATION);
  });

  test('assignments name the replicas of the new partitions', () => {
    const h = new Harness({}, [1, 2, 3]);
    h.topic('t', [1, 2]);
    createPartitions(h, [{ name: 't', count: 2, assignments: [[3, 1]] }]);
    h.commit();
    expect(h.show('t', 1)).toBe('leader 3 isr 3,1 epochs 0/0');
  });

  test.each<[string, number, Growth]>([
    ['an unknown topic', ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, { name: 'x', count: 5 }],
    ['the same count', ErrorCode.INVALID_PARTITIONS, { name: 't', count: 1 }],
    ['a smaller count', ErrorCode.INVALID_PARTITIONS, { name: 't', count: 0 }],
    [
      'too few assignments',
      ErrorCode.INVALID_REPLICA_ASSIGNMENT,
      { name: 't', count: 3, assignments: [[1, 2]] },
    ],
    [
      'another replication factor',
      ErrorCode.INVALID_REPLICA_ASSIGNMENT,
      { name: 't', count: 2, assignments: [[1]] },
    ],
    [
      'an unknown broker',
      ErrorCode.INVALID_REPLICA_ASSIGNMENT,
      { name: 't', count: 2, assignments: [[1, 9]] },
    ],
    ['too many at once', ErrorCode.POLICY_VIOLATION, { name: 't', count: 10_002 }],
  ])('%s is refused', (_what, errorCode, growth) => {
    const h = new Harness({}, [1, 2]);
    h.topic('t', [1, 2]);
    expect(createPartitions(h, [growth]).value?.results).toMatchObject([{ name: growth.name, errorCode }]);
    expect(h.pending).toEqual([]);
  });

  test('is refused while there are fewer usable brokers than replicas of a partition', () => {
    const h = new Harness({}, [1, 2]);
    h.topic('t', [1, 2]);
    h.heartbeat(2, { wantShutDown: true });
    h.commit();
    expect(createPartitions(h, [{ name: 't', count: 2 }]).value?.results[0]?.errorCode).toBe(
      ErrorCode.INVALID_REPLICATION_FACTOR,
    );
  });

  test('a topic named twice is refused; validate_only changes nothing', () => {
    const h = new Harness({}, [1]);
    h.topic('t', [1]);
    const twice = createPartitions(h, [
      { name: 't', count: 2 },
      { name: 't', count: 3 },
    ]);
    expect(twice.value?.results).toMatchObject([{ name: 't', errorCode: ErrorCode.INVALID_REQUEST }]);
    expect(createPartitions(h, [{ name: 't', count: 2 }], true).value?.results[0]?.errorCode).toBe(0);
    expect(h.pending).toEqual([]);
  });
});
