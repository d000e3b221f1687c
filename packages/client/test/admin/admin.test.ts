/**
 * Goal: each call of the admin client reports the true outcome. Method: the test plays brokers that refuse
 * requests, break connections and keep silent.
 */
import { Timers } from '@millrace/base';
import { ManualClock } from '@millrace/base/testing';
import { apis, ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { Admin, type AdminOptions, BrokerConnection } from '../../src/index.ts';
import { type BrokerEnd, MemoryNet } from '../support/memory-net.ts';
import { TOPIC_ID, topicOf } from '../support/metadata.ts';

class Asked {
  readonly clock = new ManualClock();
  readonly ends: string[] = [];
  readonly admin: Admin;
  private readonly net = new MemoryNet(this.clock);
  private connection: BrokerConnection | undefined;
  private readonly timers = new Timers(this.clock);

  constructor(options: Partial<AdminOptions> = {}) {
    this.connect();
    const cluster = { anyConnection: () => (this.connection?.isReady ? this.connection : undefined) };
    this.admin = new Admin({ clock: this.clock, cluster, timeoutMs: 1_000, ...options });
  }

  get broker(): BrokerEnd {
    return this.net.last;
  }

  connect(supported: Readonly<Record<number, number>> = {}): void {
    this.connection = new BrokerConnection(
      {
        net: this.net,
        address: { host: 'b1', port: 1 },
        timers: this.timers,
        clientId: 'test',
        software: { name: 'test', version: '1' },
        requestTimeoutMs: 5_000,
        frameBytesMax: 100_000,
      },
      { changed: () => {} },
    );
    this.broker.open();
    this.broker.answerVersions(supported);
  }

  create(): void {
    const topic = { name: 'events', partitions: 3, replicationFactor: 1, configs: { 'segment.bytes': '1' } };
    this.admin.createTopic(topic, (outcome, error) => this.ends.push(`${outcome} ${error ?? ''}`.trim()));
  }

  /** Answers the request under way with this code. */
  created(errorCode: ErrorCode): unknown {
    return this.broker.answer(apis.createTopics, { topics: [{ name: 'events', errorCode }] } as never);
  }
}

test('the admin client creates a topic with the newest version of CreateTopics', () => {
  const asked = new Asked();
  asked.create();
  expect(asked.broker.received).toMatchObject([{ version: apis.createTopics.maxVersion }]);
  expect(asked.created(ErrorCode.NONE)).toMatchObject({
    topics: [{ name: 'events', numPartitions: 3, configs: [{ name: 'segment.bytes', value: '1' }] }],
  });
  expect(asked.ends).toEqual(['ok']);
});

test('NOT_CONTROLLER, a retriable error: the admin client retries after a pause', () => {
  const asked = new Asked();
  asked.create();
  asked.created(ErrorCode.NOT_CONTROLLER);
  asked.clock.advance(199);
  expect(asked.broker.waiting).toEqual([]);
  asked.clock.advance(1);
  asked.created(ErrorCode.NONE);
  expect(asked.ends).toEqual(['ok']);
});

test('an error that is not retriable: the call fails', () => {
  const asked = new Asked();
  asked.create();
  asked.created(ErrorCode.TOPIC_ALREADY_EXISTS);
  expect(asked.ends).toEqual(['fail TOPIC_ALREADY_EXISTS']);
});

test('after a lost answer, TOPIC_ALREADY_EXISTS means that the first attempt created the topic', () => {
  const asked = new Asked();
  asked.create();
  asked.broker.breaks();
  asked.connect();
  asked.clock.advance(200);
  asked.created(ErrorCode.TOPIC_ALREADY_EXISTS);
  expect(asked.ends).toEqual(['ok']);
});

test('after REQUEST_TIMED_OUT, a refusal of the retry leaves the outcome unknown', () => {
  const asked = new Asked();
  asked.create();
  asked.created(ErrorCode.REQUEST_TIMED_OUT);
  asked.clock.advance(200);
  asked.created(ErrorCode.POLICY_VIOLATION);
  expect(asked.ends).toEqual(['unknown POLICY_VIOLATION']);
});

test('no broker: the admin client fails the call after its last attempt', () => {
  const asked = new Asked({ attemptsMax: 3 });
  asked.broker.breaks();
  asked.create();
  asked.clock.advance(399);
  expect(asked.ends).toEqual([]);
  asked.clock.advance(1);
  expect(asked.ends).toEqual(['fail too many tries']);
});

test('the client waits for a controller that uses all of its time, although other requests have a shorter timeout', () => {
  const asked = new Asked({ timeoutMs: 20_000 });
  asked.create();
  asked.clock.advance(20_001);
  asked.created(ErrorCode.TOPIC_ALREADY_EXISTS);
  expect(asked.ends).toEqual(['fail TOPIC_ALREADY_EXISTS']);
});

test('a broker without a common version of the API: the call fails at once', () => {
  const asked = new Asked();
  asked.connect({ [apis.createTopics.key]: apis.createTopics.minVersion - 1 });
  asked.create();
  expect(asked.ends).toEqual(['fail UNSUPPORTED_VERSION']);
});

test('deleteTopic can use version 5; the first attempt of createPartitions may have a timeout of its own', () => {
  const asked = new Asked({ versions: new Map([[apis.deleteTopics.key, 5]]) });
  const end = (outcome: string) => asked.ends.push(outcome);
  asked.admin.deleteTopic('events', end);
  const deleted = { responses: [{ name: 'events', errorCode: 0 }] } as never;
  expect(asked.broker.answer(apis.deleteTopics, deleted)).toMatchObject({ topicNames: ['events'] });
  asked.admin.createPartitions('events', 6, end, 10);
  const late = { results: [{ name: 'events', errorCode: ErrorCode.REQUEST_TIMED_OUT }] } as never;
  const grow = { topics: [{ name: 'events', count: 6 }] };
  expect(asked.broker.answer(apis.createPartitions, late)).toMatchObject({ ...grow, timeoutMs: 10 });
  asked.clock.advance(200);
  const grown = { results: [{ name: 'events', errorCode: ErrorCode.INVALID_PARTITIONS }] } as never;
  expect(asked.broker.answer(apis.createPartitions, grown)).toMatchObject({ ...grow, timeoutMs: 1_000 });
  expect(asked.ends).toEqual(['ok', 'ok']);
});

test('a topic is deleted by its id, and a retry that finds no such id counts as success', () => {
  const asked = new Asked();
  const end = (outcome: string) => asked.ends.push(outcome);
  asked.admin.deleteTopicWithId(TOPIC_ID, end);
  const late = { responses: [{ name: null, topicId: TOPIC_ID, errorCode: ErrorCode.REQUEST_TIMED_OUT }] };
  expect(asked.broker.answer(apis.deleteTopics, late as never)).toMatchObject({
    topics: [{ name: null, topicId: TOPIC_ID }],
  });
  asked.clock.advance(200);
  const gone = { responses: [{ name: null, topicId: TOPIC_ID, errorCode: ErrorCode.UNKNOWN_TOPIC_ID }] };
  asked.broker.answer(apis.deleteTopics, gone as never);
  expect(asked.ends).toEqual(['ok']);
});

test('the described topics are sorted by name, also if the first answer was lost', () => {
  const asked = new Asked();
  const found: unknown[] = [];
  asked.admin.describeTopics(null, (topics, error) => found.push(topics ?? error));
  asked.broker.breaks();
  asked.connect();
  asked.clock.advance(200);
  const orders = { ...topicOf({ leaderId: 5 }), name: 'orders' };
  const gone = { name: 'gone', errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, partitions: [] };
  const answer = { brokers: [], topics: [orders, topicOf(), gone] } as never;
  const request = asked.broker.answer(apis.metadata, answer);
  expect(request).toMatchObject({ topics: null, allowAutoTopicCreation: false });
  const partition = { partition: 0, leaderId: 4, replicas: [], isr: [] };
  expect(found).toMatchObject([
    [
      { name: 'events', topicId: TOPIC_ID, errorCode: 0, partitions: [partition] },
      { name: 'gone', errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, partitions: [] },
      { name: 'orders', partitions: [{ ...partition, leaderId: 5 }] },
    ],
  ]);
});

test('describeConfigs returns the configs that the topic sets and the defaults, or the error', () => {
  const asked = new Asked();
  const found: unknown[] = [];
  const describe = () =>
    asked.admin.describeConfigs({ type: 'topic', name: 'events' }, (configs, error) =>
      found.push(configs ?? error),
    );
  const tells = (result: object) => {
    const results = [{ errorCode: 0, resourceType: 2, resourceName: 'events', configs: [], ...result }];
    return asked.broker.answer(apis.describeConfigs, { results } as never);
  };
  describe();
  const own = { name: 'segment.bytes', value: '1', configSource: 1 };
  const configs = [own, { name: 'retention.ms', value: null, configSource: 5, readOnly: true }];
  expect(tells({ configs })).toMatchObject({ resources: [{ resourceType: 2, resourceName: 'events' }] });
  describe();
  tells({ errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED });
  expect(found).toEqual([
    [
      { name: 'retention.ms', value: null, source: 'DEFAULT_CONFIG', isSet: false, isReadOnly: true },
      { name: 'segment.bytes', value: '1', source: 'DYNAMIC_TOPIC_CONFIG', isSet: true, isReadOnly: false },
    ],
    'TOPIC_AUTHORIZATION_FAILED',
  ]);
});
