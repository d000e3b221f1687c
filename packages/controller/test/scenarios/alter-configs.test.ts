/**
 * Goal: requests alter configs as in Kafka 4.3. A resource changes as a whole or not at all. A late copy of a
 * request changes nothing. If min.insync.replicas changes so that the leader may commit without a replica,
 * that replica leaves the ELR. Method: transcripts on a quorum played by hand.
 */
import { ConfigResourceType, ErrorCode } from '@millrace/protocol';
import { describe, expect, test } from 'vitest';
import { alter, type Change, codes, replaceConfigs, topicConfigs } from '../support/alter.ts';
import { Harness, uuid } from '../support/harness.ts';

const BEGUN = { 'retention.ms': '1000', 'max.message.bytes': '2000' };

function withTopic(configs: Record<string, string> = BEGUN): Harness {
  const h = new Harness({}, [1, 2, 3]);
  h.createTopics([{ name: 't', partitions: 1, configs }]);
  h.commit();
  return h;
}

/** Alters the topic and commits. Returns the error code. */
function altered(h: Harness, ...changes: Change[]): number | undefined {
  const answer = alter(h, [{ name: 't', changes }]);
  h.commit();
  return codes(answer)?.[0];
}

describe('IncrementalAlterConfigs', () => {
  test('changes the configs that it names, and is answered when the change is committed', () => {
    const h = withTopic();
    const answer = alter(h, [
      {
        name: 't',
        changes: [
          ['SET', 'retention.ms', '5'],
          ['DELETE', 'max.message.bytes'],
        ],
      },
    ]);
    expect([answer.value, topicConfigs(h, 't')]).toEqual([undefined, BEGUN]);
    h.commit();
    const resource = { resourceType: ConfigResourceType.TOPIC, resourceName: 't' };
    expect(answer.value?.responses).toEqual([{ errorCode: 0, errorMessage: null, ...resource }]);
    expect(topicConfigs(h, 't')).toEqual({ 'retention.ms': '5' });
  });

  test('the active controller logs each change when it is committed: by whom, from which value, to which', () => {
    const h = withTopic();
    const long = Array.from({ length: 100 }, (_, index) => `${index}:1`).join();
    const logged = () =>
      h.logger.events.filter(({ event }) => event === 'config-altered').map(({ facts }) => facts);
    altered(h, ['SET', 'retention.ms', 'x']);
    alter(h, [{ name: 't', changes: [['SET', 'retention.ms', '7']] }], { validateOnly: true });
    alter(h, [
      {
        name: 't',
        changes: [
          ['SET', 'retention.ms', '5'],
          ['DELETE', 'max.message.bytes'],
          ['SET', 'leader.replication.throttled.replicas', long],
        ],
      },
    ]);
    expect(logged()).toEqual([]);
    h.commit();
    const resource = { resourceType: 'topic', resource: 't', clientId: 'admin' };
    expect(logged()).toEqual([
      {
        ...resource,
        config: 'leader.replication.throttled.replicas',
        from: null,
        to: `${long.slice(0, 200)}…`,
      },
      { ...resource, config: 'max.message.bytes', from: '2000', to: null },
      { ...resource, config: 'retention.ms', from: '1000', to: '5' },
    ]);
  });

  test('sets a value that equals the default', () => {
    const h = withTopic({});
    altered(h, ['SET', 'cleanup.policy', 'delete']);
    expect(topicConfigs(h, 't')).toEqual({ 'cleanup.policy': 'delete' });
  });

  test.each([
    ['an item is appended to the default', undefined, ['APPEND', 'compact'], 'delete,compact'],
    ['an item that is there stays once', 'compact', ['APPEND', 'compact'], 'compact'],
    ['items are appended in order', 'compact', ['APPEND', ' delete'], 'compact,delete'],
    ['an item is taken out', 'compact,delete', ['SUBTRACT', 'compact'], 'delete'],
    ['an item that is not there cannot be taken out', 'delete', ['SUBTRACT', 'compact'], 'delete'],
  ] as const)('%s', (_, before, [operation, value], after) => {
    const h = withTopic(before === undefined ? {} : { 'cleanup.policy': before });
    expect(altered(h, [operation, 'cleanup.policy', value])).toBe(0);
    expect(topicConfigs(h, 't')).toEqual({ 'cleanup.policy': after });
  });

  test.each([
    [
      'a bad value',
      [
        ['SET', 'retention.ms', '5'],
        ['SET', 'min.insync.replicas', 'many'],
      ],
      ErrorCode.INVALID_CONFIG,
      "invalid value 'many' for config min.insync.replicas: not a whole number",
    ],
    [
      'an unknown config',
      [
        ['SET', 'retention.ms', '5'],
        ['SET', 'no.such', '1'],
      ],
      ErrorCode.INVALID_CONFIG,
      'unknown topic config no.such',
    ],
    [
      'APPEND to a number',
      [['APPEND', 'retention.ms', '5']],
      ErrorCode.INVALID_CONFIG,
      'APPEND is not allowed for config retention.ms, because it is not a list',
    ],
    [
      'no value',
      [['SET', 'retention.ms', null]],
      ErrorCode.INVALID_REQUEST,
      'Null value not supported for : retention.ms',
    ],
    [
      'a config twice',
      [
        ['SET', 'retention.ms', '5'],
        ['DELETE', 'retention.ms'],
      ],
      ErrorCode.INVALID_REQUEST,
      'more than once',
    ],
    ['an unknown operation', [[4, 'retention.ms', '5']], ErrorCode.INVALID_REQUEST, 'unknown operation 4'],
    [
      'min lag above max lag',
      [
        ['SET', 'min.compaction.lag.ms', '5'],
        ['SET', 'max.compaction.lag.ms', '4'],
      ],
      ErrorCode.INVALID_CONFIG,
      'min.compaction.lag.ms (5) is larger than max.compaction.lag.ms (4)',
    ],
    [
      'a long value',
      [['SET', 'leader.replication.throttled.replicas', '1:1,'.repeat(10_000)]],
      ErrorCode.INVALID_CONFIG,
      'at most 32767 characters',
    ],
  ] as const)('%s changes nothing', (_, changes, errorCode, text) => {
    const h = withTopic();
    const answer = alter(h, [{ name: 't', changes }]);
    expect(answer.value?.responses[0]).toMatchObject({
      errorCode,
      errorMessage: expect.stringContaining(text),
    });
    expect(h.pending).toEqual([]);
  });

  test('an error in one resource does not stop the changes of the others', () => {
    const h = withTopic();
    const changes: Change[] = [['SET', 'retention.ms', '5']];
    const { TOPIC, CLIENT_METRICS } = ConfigResourceType;
    const answer = alter(h, [
      { name: 'nobody', changes },
      { name: 't', changes },
      { name: '', changes },
      { name: 'a b', changes },
      { name: 'twice', changes },
      { type: CLIENT_METRICS, name: 't', changes },
      { type: TOPIC, name: 'twice', changes: [] },
      { type: 77, name: 't', changes },
    ]);
    h.commit();
    const { INVALID_REQUEST, UNKNOWN_TOPIC_OR_PARTITION, INVALID_TOPIC_EXCEPTION } = ErrorCode;
    expect(codes(answer)).toEqual([
      UNKNOWN_TOPIC_OR_PARTITION,
      ErrorCode.NONE,
      INVALID_REQUEST,
      INVALID_TOPIC_EXCEPTION,
      INVALID_REQUEST,
      INVALID_REQUEST,
      INVALID_REQUEST,
      INVALID_REQUEST,
    ]);
    expect(topicConfigs(h, 't')['retention.ms']).toBe('5');
  });

  test('with validateOnly the answer is the same, and nothing changes', () => {
    const h = withTopic();
    const options = { validateOnly: true, requestId: uuid(900) };
    const fine = alter(h, [{ name: 't', changes: [['SET', 'retention.ms', '5']] }], options);
    const bad = alter(h, [{ name: 't', changes: [['SET', 'retention.ms', 'x']] }], options);
    expect([codes(fine), codes(bad), h.pending]).toEqual([[0], [ErrorCode.INVALID_CONFIG], []]);
  });

  test('a controller that loses its leadership answers NOT_CONTROLLER', () => {
    const h = withTopic();
    const answer = alter(h, [{ name: 't', changes: [['SET', 'retention.ms', '5']] }]);
    h.loseLeadership();
    expect(codes(answer)).toEqual([ErrorCode.NOT_CONTROLLER]);
    expect(topicConfigs(h, 't')).toEqual(BEGUN);
  });
});

test('an unknown config can be reset, as in Kafka', () => {
  const h = withTopic();
  expect(altered(h, ['DELETE', 'no.such'])).toBe(0);
  expect(topicConfigs(h, 't')).toEqual(BEGUN);
});

describe('the work of one request is bounded', () => {
  const subtract = (name: string, value: string) => ({
    name,
    changes: [['SUBTRACT', 'cleanup.policy', value]] as const,
  });

  // Comparing each item with each would need 1.4 billion comparisons, about 5 s of CPU time.
  test('the time of a SUBTRACT grows only linearly with the lengths of the lists', () => {
    const name = 'leader.replication.throttled.replicas';
    const throttled = Array.from({ length: 5000 }, (_, index) => `${index}:1`);
    const h = withTopic({ [name]: throttled.slice(0, 4500).join(',') });
    const other = Array.from({ length: 290_000 }, (_, index) => index);
    const before = process.threadCpuUsage();
    expect(altered(h, ['SUBTRACT', name, [...other, ...throttled.slice(1)].join(',')])).toBe(0);
    expect(process.threadCpuUsage(before).user).toBeLessThan(2_000_000);
    expect(topicConfigs(h, 't')).toEqual({ [name]: '0:1' });
  });

  test('all lists that it changes may have 2,097,152 characters together', () => {
    const h = withTopic({});
    const value = 'x,'.repeat(500_000);
    const answer = alter(h, [subtract('a', value), subtract('b', value), subtract('t', value)]);
    expect(codes(answer)).toEqual([3, 3, ErrorCode.POLICY_VIOLATION]);
  });

  test('its names and values may have 16,777,216 characters together', () => {
    const h = withTopic({});
    const value = 'x'.repeat(6 << 20);
    const changes: Change[] = ['a', 'b', 'c'].map((name) => ['SET', name, value]);
    expect(codes(alter(h, [{ name: 't', changes }]))).toEqual([ErrorCode.POLICY_VIOLATION]);
    expect(codes(alter(h, [{ name: 't', changes: changes.slice(1) }]))).not.toEqual([44]);
  });
});

describe('AlterConfigs', () => {
  test('replaces all configs that are set', () => {
    const h = withTopic();
    const answer = replaceConfigs(h, 't', { 'segment.ms': '600000', 'retention.ms': '1000' });
    h.commit();
    expect(codes(answer)).toEqual([0]);
    expect(topicConfigs(h, 't')).toEqual({ 'retention.ms': '1000', 'segment.ms': '600000' });
    replaceConfigs(h, 't', {});
    h.commit();
    expect(topicConfigs(h, 't')).toEqual({});
  });

  test('a null value or a bad value changes nothing', () => {
    const h = withTopic();
    expect(codes(replaceConfigs(h, 't', { 'retention.ms': null }))).toEqual([ErrorCode.INVALID_REQUEST]);
    expect(codes(replaceConfigs(h, 't', { 'retention.ms': '-2' }))).toEqual([ErrorCode.INVALID_CONFIG]);
    expect(h.pending).toEqual([]);
  });
});

describe('a copy of a request', () => {
  const requestId = uuid(900);

  test.each(['retention.ms', 'segment.ms'])(
    'that arrives late does not undo a later change of %s',
    (name) => {
      const h = withTopic();
      const first = () => alter(h, [{ name: 't', changes: [['SET', name, '1000']] }], { requestId });
      first();
      h.commit();
      altered(h, ['SET', name, '5']);
      const late = first();
      expect([codes(late), h.pending]).toEqual([[0], []]);
      h.loseLeadership();
      expect([codes(first()), topicConfigs(h, 't')[name]]).toEqual([[0], '5']);
    },
  );

  test('that arrives late does not reset what a later request set', () => {
    const h = withTopic({});
    replaceConfigs(h, 't', {}, { requestId });
    h.commit();
    altered(h, ['SET', 'retention.ms', '5']);
    expect(codes(replaceConfigs(h, 't', {}, { requestId }))).toEqual([0]);
    expect([h.pending, topicConfigs(h, 't')]).toEqual([[], { 'retention.ms': '5' }]);
  });

  test('alters the resources that the first copy lost at a failover between two batches', () => {
    const h = new Harness({ batchBytes: 1 }, [1]);
    h.topic('a', [1]);
    h.topic('b', [1]);
    const changes: Change[] = [
      ['SET', 'retention.ms', '5'],
      ['SET', 'segment.ms', '7'],
    ];
    const ask = () =>
      alter(
        h,
        [
          { name: 'a', changes },
          { name: 'b', changes },
        ],
        { requestId },
      );
    ask();
    h.commitFirst();
    h.loseLeadership();
    expect(topicConfigs(h, 'a')).toEqual({ 'retention.ms': '5', 'segment.ms': '7' });
    const again = ask();
    expect(h.pending).toHaveLength(1);
    h.commit();
    expect([codes(again), topicConfigs(h, 'b')]).toEqual([[0, 0], topicConfigs(h, 'a')]);
  });
});

test('an altering request counts once when the controller resigns, and logs no change that is lost', () => {
  const h = new Harness({}, [1]);
  h.topic('t', [1]);
  const answer = alter(h, [{ name: 't', changes: [['SET', 'retention.ms', '5']] }]);
  expect(h.active.parkedCount).toBe(1);
  h.loseLeadership();
  expect(codes(answer)).toEqual([ErrorCode.NOT_CONTROLLER]);
  h.topic('u', [1]);
  const logged = (event: string) => h.logger.events.filter((entry) => entry.event === event);
  expect(logged('controller-resigned').at(-1)?.facts).toMatchObject({ parked: 1 });
  expect(logged('config-altered')).toEqual([]);
});

test('a controller that resigned logs a change that its successor commits', () => {
  const h = new Harness({}, [1]);
  h.topic('t', [1]);
  const answer = alter(h, [{ name: 't', changes: [['SET', 'retention.ms', '5']] }]);
  h.passLeadership();
  expect([codes(answer), topicConfigs(h, 't')]).toEqual([
    [ErrorCode.NOT_CONTROLLER],
    { 'retention.ms': '5' },
  ]);
  const logged = h.logger.events.filter(({ event }) => event === 'config-altered');
  expect(logged.map(({ facts }) => facts)).toEqual([
    {
      resourceType: 'topic',
      resource: 't',
      config: 'retention.ms',
      from: null,
      to: '5',
      clientId: 'admin',
    },
  ]);
});

describe('min.insync.replicas', () => {
  const elr = (h: Harness, topic = 't') => h.active.image.topic(topic)!.partitions[0]!.elr;

  function withElr(): Harness {
    const h = new Harness({}, [1, 2, 3], { minInsyncReplicas: 2 });
    h.topic('t', [1, 2, 3]);
    h.topic('other', [1, 2, 3]);
    h.kill(3);
    h.kill(2);
    expect([elr(h), elr(h, 'other')]).toEqual([[2], [2]]);
    return h;
  }

  test.each(['1', '3'])('altered to %s empties the ELR of its topic', (value) => {
    const h = withElr();
    altered(h, ['SET', 'min.insync.replicas', value]);
    expect([elr(h), elr(h, 'other')]).toEqual([[], [2]]);
  });

  test('set to the value that already counted leaves the ELR as it is', () => {
    const h = withElr();
    altered(h, ['SET', 'min.insync.replicas', '2']);
    expect([elr(h), topicConfigs(h, 't')]).toEqual([[2], { 'min.insync.replicas': '2' }]);
  });

  test('a failover between two batches leaves no ELR beside the new value', () => {
    const h = new Harness({ batchBytes: 1 }, [1, 2, 3], { minInsyncReplicas: 2 });
    h.topic('t', [1, 2, 3]);
    h.kill(3);
    h.kill(2);
    alter(h, [{ name: 't', changes: [['SET', 'min.insync.replicas', '1']] }]);
    h.commitFirst();
    h.loseLeadership();
    expect([elr(h), topicConfigs(h, 't')]).toEqual([[], {}]);
  });

  test('once altered, decides which replicas join the ELR', () => {
    const h = new Harness({}, [1, 2, 3]);
    h.topic('t', [1, 2]);
    altered(h, ['SET', 'min.insync.replicas', '2']);
    h.kill(2);
    expect([h.show('t'), elr(h)]).toEqual(['leader 1 isr 1 epochs 0/1', [2]]);
  });

  test('does not change the ELR of a partition without a leader, because nobody commits there', () => {
    const h = withElr();
    h.kill(1);
    altered(h, ['SET', 'min.insync.replicas', '1']);
    expect([h.show('t'), elr(h)]).toEqual(['leader -1 isr 1 epochs 1/3', [2]]);
    h.heartbeat(2);
    h.commit();
    expect([h.show('t'), elr(h)]).toEqual(['leader 2 isr 2 epochs 2/4', []]);
  });
});

describe('unclean.leader.election.enable', () => {
  test('elects a leader at once where there is none', () => {
    const h = new Harness({}, [1, 2]);
    h.topic('t', [1, 2]);
    h.topic('other', [1, 2]);
    h.kill(2);
    h.kill(1);
    h.heartbeat(2);
    h.commit();
    expect(h.show('t')).toBe('leader -1 isr 1 epochs 1/2');
    altered(h, ['SET', 'unclean.leader.election.enable', 'true']);
    expect(h.show('t')).toBe('leader 2 isr 2 epochs 2/3');
    expect(h.show('other')).toBe('leader -1 isr 1 epochs 1/2');
  });
});
