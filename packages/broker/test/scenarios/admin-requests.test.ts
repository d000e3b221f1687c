/**
 * Requests that the broker forwards to the controller, the source of each config in DescribeConfigs, and
 * producer ids.
 */
import { apis, ErrorCode, type RequestInputOf } from '@millrace/protocol';
import { describe, expect, test } from 'vitest';
import type { BrokerConfigEntry } from '../../src/config.ts';
import { type TestBroker, TOPIC_ID, testBroker } from '../support/broker.ts';
import { concat } from '../support/client.ts';

const NOTHING = new Uint8Array(0);

describe('forwarded requests', () => {
  test("CreateTopics: the broker forwards the bytes unchanged, and returns the controller's answer", () => {
    const broker = testBroker();
    const client = broker.connect();
    const value = { topics: [{ name: 'fresh', numPartitions: 3, replicationFactor: 2 }], timeoutMs: 7000 };
    const id = client.request(apis.createTopics, 5, value);
    const { request, done } = broker.forwarded[0]!;
    expect(request).toMatchObject({ apiKey: 19, apiVersion: 5, clientId: 'test', timeoutMs: 7000 });
    expect(request.body).toEqual(concat(apis.createTopics.encodeRequest(5, value)));
    const response = {
      topics: [{ name: 'fresh', errorCode: ErrorCode.TOPIC_ALREADY_EXISTS, errorMessage: 'is there' }],
    };
    done({ errorCode: 0, body: concat(apis.createTopics.encodeResponse(5, response)) });
    broker.clock.settle();
    expect(client.answer(apis.createTopics, id).topics).toMatchObject(response.topics);
  });

  test('bytes behind the body of CreateTopics do not change what the controller reads', () => {
    const broker = testBroker();
    const client = broker.connect();
    const value = { topics: [{ name: 'fresh', numPartitions: 3, replicationFactor: 2 }], timeoutMs: 7000 };
    const frame = client.frame(apis.createTopics, 5, value);
    const longer = Buffer.concat([frame, new Uint8Array([0, 0, 9])]);
    longer.writeInt32BE(longer.length - 4);
    client.bytes(longer);
    const { request } = broker.forwarded[0]!;
    expect(apis.createTopics.decodeRequest(5, request.body)).toMatchObject(value);
  });

  test('the broker answers REQUEST_TIMED_OUT to a timeout of 0 or less, and forwards nothing', () => {
    const broker = testBroker();
    const client = broker.connect();
    for (const timeoutMs of [0, -1, -2147483648]) {
      const creation = client.request(apis.createTopics, 7, { topics: [{ name: 'a' }], timeoutMs });
      const deletion = client.request(apis.deleteTopics, 5, { topicNames: ['a'], timeoutMs });
      const growth = client.request(apis.createPartitions, 3, {
        topics: [{ name: 'a', count: 4 }],
        timeoutMs,
      });
      broker.clock.settle();
      const timedOut = { name: 'a', errorCode: ErrorCode.REQUEST_TIMED_OUT };
      expect(client.answer(apis.createTopics, creation).topics).toMatchObject([timedOut]);
      expect(client.answer(apis.deleteTopics, deletion).responses).toMatchObject([timedOut]);
      expect(client.answer(apis.createPartitions, growth).results).toMatchObject([timedOut]);
    }
    expect(broker.forwarded).toEqual([]);
  });

  test('no controller answers in time: every item fails with REQUEST_TIMED_OUT', () => {
    const broker = testBroker();
    const client = broker.connect();
    const creation = client.request(apis.createTopics, 7, {
      topics: [{ name: 'a' }, { name: 'b' }],
      timeoutMs: 10,
    });
    const deletion = client.request(apis.deleteTopics, 6, {
      topics: [{ name: null, topicId: TOPIC_ID }],
      timeoutMs: 10,
    });
    const oldDeletion = client.request(apis.deleteTopics, 5, { topicNames: ['a'], timeoutMs: 10 });
    const growth = client.request(apis.createPartitions, 3, {
      topics: [{ name: 'a', count: 4 }],
      timeoutMs: 10,
    });
    const quorum = client.request(apis.describeQuorum, 2, { topics: [] });
    const resources = [
      { resourceType: 2, resourceName: 'a', configs: [{ name: 'retention.ms', value: '1' }] },
    ];
    const replacement = client.request(apis.alterConfigs, 2, { resources });
    const alteration = client.request(apis.incrementalAlterConfigs, 1, { resources });
    for (const { request } of broker.forwarded.slice(-2))
      expect(request).toMatchObject({ timeoutMs: 30_000, requestId: expect.any(String) });
    for (const { done } of broker.forwarded) done({ errorCode: ErrorCode.REQUEST_TIMED_OUT, body: NOTHING });
    broker.clock.settle();
    expect(client.answer(apis.createTopics, creation).topics.map((t) => [t.name, t.errorCode])).toEqual([
      ['a', 7],
      ['b', 7],
    ]);
    expect(client.answer(apis.deleteTopics, deletion).responses).toMatchObject([
      { topicId: TOPIC_ID, errorCode: 7 },
    ]);
    expect(client.answer(apis.deleteTopics, oldDeletion).responses).toMatchObject([
      { name: 'a', errorCode: 7 },
    ]);
    expect(client.answer(apis.createPartitions, growth).results).toMatchObject([{ name: 'a', errorCode: 7 }]);
    expect(client.answer(apis.describeQuorum, quorum).errorCode).toBe(7);
    const failed = [{ resourceType: 2, resourceName: 'a', errorCode: 7 }];
    expect(client.answer(apis.alterConfigs, replacement).responses).toMatchObject(failed);
    expect(client.answer(apis.incrementalAlterConfigs, alteration).responses).toMatchObject(failed);
  });
});

describe('altered configs of brokers', () => {
  const resource = (resourceName: string, resourceType = 4) => ({ resourceType, resourceName, configs: [] });

  test('the broker refuses resources that name another broker, and forwards the rest', () => {
    const broker = testBroker();
    const client = broker.connect();
    const resources = [
      resource('2'),
      resource('-2'),
      resource('1'),
      resource('x'),
      resource(''),
      resource('2', 2),
    ];
    const id = client.request(apis.incrementalAlterConfigs, 1, { resources, validateOnly: true });
    const { request, done } = broker.forwarded[0]!;
    const asked = apis.incrementalAlterConfigs.decodeRequest(1, request.body);
    const rest = [resource('1'), resource(''), resource('2', 2)];
    expect(asked).toEqual({ resources: rest, validateOnly: true });
    const responses = rest.map(({ resourceName, resourceType }) => {
      return { resourceName, resourceType, errorCode: 0, errorMessage: `for ${resourceName}` };
    });
    done({ errorCode: 0, body: concat(apis.incrementalAlterConfigs.encodeResponse(1, { responses })) });
    broker.clock.settle();
    const answer = client.answer(apis.incrementalAlterConfigs, id);
    expect(answer.responses.map(({ errorCode, errorMessage }) => [errorCode, errorMessage])).toEqual([
      [ErrorCode.INVALID_REQUEST, 'Unexpected broker id, expected 1, but received 2'],
      [ErrorCode.INVALID_REQUEST, 'Unexpected broker id, expected 1, but received -2'],
      [0, 'for 1'],
      [ErrorCode.INVALID_REQUEST, 'Node id must be an integer, but it is: x'],
      [0, 'for '],
      [0, 'for 2'],
    ]);
  });

  test('the broker answers alone if all resources are refused; forwarded ones fail if no controller answers in time', () => {
    const broker = testBroker();
    const client = broker.connect();
    const alone = client.request(apis.alterConfigs, 2, { resources: [resource('2')] });
    const empty = client.request(apis.alterConfigs, 2, { resources: [] });
    const late = client.request(apis.alterConfigs, 0, { resources: [resource('2'), resource('1')] });
    expect(broker.forwarded).toHaveLength(1);
    broker.forwarded[0]!.done({ errorCode: ErrorCode.REQUEST_TIMED_OUT, body: NOTHING });
    broker.clock.settle();
    const codes = (id: number) =>
      client.answer(apis.alterConfigs, id).responses.map(({ errorCode }) => errorCode);
    expect([codes(alone), codes(empty), codes(late)]).toEqual([[42], [], [42, 7]]);
  });
});

describe('DescribeConfigs', () => {
  const properties: BrokerConfigEntry[] = [
    property('log.retention.ms', 'long', '604800000'),
    { ...property('message.max.bytes', 'int', '1048588'), value: '2000', source: 'static' },
    {
      ...property('ssl.keystore.password', 'password', null),
      value: 'secret',
      source: 'static',
      sensitive: true,
    },
  ];

  function property(name: string, type: BrokerConfigEntry['type'], value: string | null): BrokerConfigEntry {
    const documentation = `what ${name} does`;
    return {
      name,
      type,
      value,
      defaultValue: value,
      source: 'default',
      documentation,
      sensitive: false,
      isDynamic: name !== 'ssl.keystore.password',
    };
  }

  function describeOne(
    broker: TestBroker,
    resource: { resourceType: number; resourceName: string; configurationKeys?: string[] | null },
    o: Omit<RequestInputOf<typeof apis.describeConfigs>, 'resources'> = {},
  ) {
    const client = broker.connect();
    const id = client.request(apis.describeConfigs, 4, {
      resources: [{ configurationKeys: null, ...resource }],
      ...o,
    });
    broker.clock.settle();
    return client.answer(apis.describeConfigs, id).results[0]!;
  }

  function configured() {
    const broker = testBroker({ config: { properties } });
    const config = { type: 'config', resourceType: 'topic', resourceName: 'words' } as const;
    broker.add([{ ...config, name: 'retention.ms', value: '1000' }]);
    return broker;
  }

  test('a topic: the answer has its own settings, those of the broker, and defaults, each with its source', () => {
    const { configs, errorCode } = describeOne(configured(), { resourceType: 2, resourceName: 'words' });
    expect(errorCode).toBe(0);
    const of = (name: string) => configs.find((config) => config.name === name)!;
    expect(of('retention.ms')).toMatchObject({
      value: '1000',
      configSource: 1,
      readOnly: false,
      configType: 5,
    });
    expect(of('max.message.bytes')).toMatchObject({ value: '2000', configSource: 4, configType: 3 });
    expect(of('cleanup.policy')).toMatchObject({
      value: 'delete',
      configSource: 5,
      synonyms: [],
      documentation: null,
    });
    expect(configs.length).toBeGreaterThan(20);
  });

  test('the answer has synonyms and documentation on request, and only the requested keys', () => {
    const { configs } = describeOne(
      configured(),
      { resourceType: 2, resourceName: 'words', configurationKeys: ['max.message.bytes', 'no.such.key'] },
      { includeSynonyms: true, includeDocumentation: true },
    );
    expect(configs).toMatchObject([
      {
        name: 'max.message.bytes',
        synonyms: [
          { name: 'message.max.bytes', value: '2000', source: 4 },
          { name: 'message.max.bytes', value: '1048588', source: 5 },
        ],
      },
    ]);
    expect(configs[0]!.documentation).not.toBe('');
  });

  test('a resource that the request names several times is described once', () => {
    const broker = configured();
    const client = broker.connect();
    const resource = { resourceType: 2, resourceName: 'words', configurationKeys: null };
    const id = client.request(apis.describeConfigs, 4, { resources: Array(1000).fill(resource) });
    broker.clock.settle();
    const { results } = client.answer(apis.describeConfigs, id);
    expect(results).toHaveLength(1);
    expect(results[0]).toMatchObject({ errorCode: ErrorCode.NONE, errorMessage: '' });
  });

  test('this broker and all brokers: the answer has dynamic values with their sources', () => {
    const broker = configured();
    const config = { type: 'config', resourceType: 'broker' } as const;
    broker.add([
      { ...config, resourceName: '', name: 'message.max.bytes', value: '3000' },
      { ...config, resourceName: '1', name: 'message.max.bytes', value: '4000' },
    ]);
    const one = describeOne(
      broker,
      { resourceType: 4, resourceName: '1', configurationKeys: ['message.max.bytes'] },
      { includeSynonyms: true },
    );
    const chain = (values: readonly (readonly [string, number])[]) =>
      values.map(([value, source]) => ({ name: 'message.max.bytes', value, source }));
    expect(one.configs).toMatchObject([
      {
        value: '4000',
        configSource: 2,
        readOnly: false,
        synonyms: chain([
          ['4000', 2],
          ['3000', 3],
          ['2000', 4],
          ['1048588', 5],
        ]),
      },
    ]);
    expect(describeOne(broker, { resourceType: 4, resourceName: '' }).configs).toMatchObject([
      { name: 'message.max.bytes', value: '3000', configSource: 3, readOnly: false },
    ]);
    const topic = describeOne(broker, { resourceType: 2, resourceName: 'words' });
    expect(topic.configs.find(({ name }) => name === 'max.message.bytes')).toMatchObject({
      value: '4000',
      configSource: 2,
    });
  });

  test('a group: the answer has the configs that it sets, and the values of the broker', () => {
    const names = ['assignment.interval.ms', 'heartbeat.interval.ms', 'session.timeout.ms'];
    const broker = testBroker({
      config: { properties: names.map((name) => property(`group.consumer.${name}`, 'int', '5')) },
    });
    const config = { type: 'config', resourceType: 'group', resourceName: 'g' } as const;
    broker.add([{ ...config, name: 'consumer.session.timeout.ms', value: '50' }]);
    const { configs } = describeOne(
      broker,
      { resourceType: 32, resourceName: 'g' },
      { includeSynonyms: true },
    );
    const fallback = (name: string) => ({ name: `group.consumer.${name}`, value: '5', source: 5 });
    expect(
      configs.map(({ name, value, configSource, synonyms }) => [name, value, configSource, synonyms]),
    ).toEqual([
      ['consumer.assignment.interval.ms', '5', 5, [fallback(names[0]!)]],
      ['consumer.heartbeat.interval.ms', '5', 5, [fallback(names[1]!)]],
      [
        'consumer.session.timeout.ms',
        '50',
        8,
        [{ name: 'consumer.session.timeout.ms', value: '50', source: 8 }, fallback(names[2]!)],
      ],
    ]);
    expect(describeOne(broker, { resourceType: 32, resourceName: '' }).errorCode).toBe(42);
  });

  test('ListConfigResources lists topics, brokers, loggers, and the groups that set configs', () => {
    const broker = testBroker();
    const config = { type: 'config', resourceType: 'group', resourceName: 'g' } as const;
    broker.add([{ ...config, name: 'consumer.session.timeout.ms', value: '50' }]);
    const client = broker.connect();
    const list = (version: number, resourceTypes: number[]) => {
      const id = client.request(apis.listConfigResources, version, { resourceTypes });
      broker.clock.settle();
      const { errorCode, configResources } = client.answer(apis.listConfigResources, id);
      return [errorCode, configResources.map((one) => `${one.resourceType} ${one.resourceName}`)];
    };
    expect(list(1, [32, 4])).toEqual([0, expect.arrayContaining(['32 g', '4 1'])]);
    expect(list(1, [2])).toEqual([0, expect.arrayContaining(['2 words'])]);
    expect(list(1, [])).toEqual([0, expect.arrayContaining(['32 g', '8 1', '4 1', '2 words'])]);
    expect(list(1, [2, 99])).toEqual([ErrorCode.UNSUPPORTED_VERSION, []]);
    expect(list(0, [])).toEqual([0, []]);
  });

  test('this broker: the answer has every property, but never a password', () => {
    const { configs } = describeOne(
      configured(),
      { resourceType: 4, resourceName: '1' },
      { includeSynonyms: true },
    );
    expect(
      configs.map(({ name, value, configSource, readOnly, isSensitive }) => [
        name,
        value,
        configSource,
        readOnly,
        isSensitive,
      ]),
    ).toEqual([
      ['log.retention.ms', '604800000', 5, false, false],
      ['message.max.bytes', '2000', 4, false, false],
      ['ssl.keystore.password', null, 4, true, true],
    ]);
    expect(JSON.stringify(configs)).not.toContain('secret');
  });

  test('the broker refuses: another broker, an unknown topic, an illegal name, an unknown type', () => {
    const refused = (resourceType: number, resourceName: string) =>
      describeOne(configured(), { resourceType, resourceName }).errorCode;
    expect(refused(4, '2')).toBe(ErrorCode.INVALID_REQUEST);
    expect(refused(4, 'x')).toBe(ErrorCode.INVALID_REQUEST);
    expect(refused(2, 'nothing')).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    expect(refused(2, 'a/b')).toBe(ErrorCode.INVALID_TOPIC_EXCEPTION);
    expect(refused(99, 'x')).toBe(ErrorCode.INVALID_REQUEST);
    expect(describeOne(configured(), { resourceType: 4, resourceName: '' })).toMatchObject({
      errorCode: ErrorCode.NONE,
      configs: [],
    });
  });
});

describe('InitProducerId', () => {
  function init(broker: TestBroker, value: RequestInputOf<typeof apis.initProducerId>) {
    const client = broker.connect();
    const id = client.request(apis.initProducerId, 4, {
      producerId: -1,
      producerEpoch: -1,
      transactionalId: null,
      ...value,
    });
    broker.clock.settle();
    const { errorCode, producerId, producerEpoch } = client.answer(apis.initProducerId, id);
    return [errorCode, producerId, producerEpoch];
  }

  test('the broker gives a new id with epoch 0, even to a producer that names an old id', () => {
    expect(init(testBroker(), {})).toEqual([0, 4000, 0]);
    expect(init(testBroker(), { producerId: 12, producerEpoch: 3 })).toEqual([0, 4000, 0]);
  });

  test('the broker refuses a producer id without an epoch, and transactional ids', () => {
    expect(init(testBroker(), { producerId: 12 })).toEqual([ErrorCode.INVALID_REQUEST, -1, -1]);
    expect(init(testBroker(), { transactionalId: '' })).toEqual([ErrorCode.INVALID_REQUEST, -1, -1]);
    const transactional = { transactionalId: 'tx', transactionTimeoutMs: 1000 };
    expect(init(testBroker(), transactional)).toEqual([ErrorCode.UNSUPPORTED_VERSION, -1, -1]);
  });

  test('the broker answers COORDINATOR_LOAD_IN_PROGRESS when it has no block of producer ids', () => {
    const broker = testBroker();
    broker.producerIds = { errorCode: ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, producerId: -1 };
    expect(init(broker, {})).toEqual([14, -1, -1]);
  });
});
