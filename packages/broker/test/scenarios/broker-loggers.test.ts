/**
 * Goal: a client describes and alters the levels of a broker's loggers (KIP-412), with Kafka's checks.
 * Method: requests to the front end. The test checks that nothing reaches the controller.
 */
import { loggerNames } from '@millrace/base';
import { apis, ConfigOperation, ErrorCode, type RequestInputOf } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { type TestBroker, testBroker } from '../support/broker.ts';
import { concat } from '../support/client.ts';

const { SET, DELETE, APPEND, SUBTRACT } = ConfigOperation;
const LOGGER = 8;

type Changes = readonly (readonly [name: string, operation: number, value: string | null])[];

const ofLoggers = (changes: Changes, resourceName = '1') => ({
  resourceType: LOGGER,
  resourceName,
  configs: changes.map(([name, configOperation, value]) => ({ name, configOperation, value })),
});

function altered(
  broker: TestBroker,
  resources: RequestInputOf<typeof apis.incrementalAlterConfigs>['resources'],
  validateOnly = false,
) {
  const client = broker.connect();
  const id = client.request(apis.incrementalAlterConfigs, 1, { resources, validateOnly });
  broker.clock.settle();
  const { responses } = client.answer(apis.incrementalAlterConfigs, id);
  return responses.map(({ errorCode, errorMessage }) => [errorCode, errorMessage]);
}

function described(broker: TestBroker, resourceName: string, configurationKeys: string[] | null = null) {
  const client = broker.connect();
  const id = client.request(apis.describeConfigs, 4, {
    resources: [{ resourceType: LOGGER, resourceName, configurationKeys }],
    includeSynonyms: true,
    includeDocumentation: true,
  });
  broker.clock.settle();
  return client.answer(apis.describeConfigs, id).results[0]!;
}

const levelsOf = (broker: TestBroker) =>
  Object.fromEntries(described(broker, '1').configs.map(({ name, value }) => [name, value]));

test('DescribeConfigs lists every logger with its level', () => {
  const { errorCode, configs } = described(testBroker(), '1');
  expect([errorCode, configs.map(({ name }) => name)]).toEqual([0, [...loggerNames]]);
  expect(loggerNames).toContain('replica');
  for (const config of configs)
    expect(config).toMatchObject({
      value: 'INFO',
      configSource: 6,
      readOnly: false,
      isSensitive: false,
      synonyms: [],
      configType: 0,
      documentation: '',
    });
  expect(described(testBroker(), '1', ['root', 'nobody']).configs).toMatchObject([{ name: 'root' }]);
});

test('SET and DELETE act at once, and write an event for each change', () => {
  const broker = testBroker();
  const changes: Changes = [
    ['replica', SET, 'DEBUG'],
    ['log', SET, 'FATAL'],
  ];
  expect(altered(broker, [ofLoggers(changes)])).toEqual([[0, null]]);
  expect(levelsOf(broker)).toMatchObject({ root: 'INFO', replica: 'DEBUG', log: 'FATAL', group: 'INFO' });
  altered(broker, [ofLoggers([['root', SET, 'WARN']])]);
  altered(broker, [ofLoggers([['log', DELETE, null]])]);
  expect(levelsOf(broker)).toMatchObject({ root: 'WARN', replica: 'DEBUG', log: 'WARN', group: 'WARN' });
  const events = broker.logger.events.filter(({ event }) => event === 'log-level-altered');
  expect(events.map(({ facts }) => [facts['logger'], facts['from'], facts['to'], facts['clientId']])).toEqual(
    [
      ['replica', 'INFO', 'DEBUG', 'test'],
      ['log', 'INFO', 'FATAL', 'test'],
      ['root', 'INFO', 'WARN', 'test'],
      ['log', 'FATAL', 'WARN', 'test'],
    ],
  );
  expect(broker.forwarded).toEqual([]);
});

test('validateOnly changes nothing', () => {
  const broker = testBroker();
  expect(altered(broker, [ofLoggers([['root', SET, 'DEBUG']])], true)).toEqual([[0, null]]);
  expect(altered(broker, [ofLoggers([['root', SET, 'LOUD']])], true)).toEqual([[40, expect.any(String)]]);
  expect(levelsOf(broker)).toMatchObject({ root: 'INFO' });
});

const LEVELS = 'Valid log levels are DEBUG, ERROR, FATAL, INFO, TRACE, WARN';
const refusals: readonly (readonly [changes: Changes, errorCode: ErrorCode, message: string])[] = [
  [[['nobody', SET, 'INFO']], ErrorCode.INVALID_CONFIG, 'Logger nobody does not exist'],
  [[['nobody', DELETE, null]], ErrorCode.INVALID_CONFIG, 'Logger nobody does not exist'],
  [[['toString', SET, 'INFO']], ErrorCode.INVALID_CONFIG, 'Logger toString does not exist'],
  [
    [['log', SET, 'LOUD']],
    ErrorCode.INVALID_CONFIG,
    `log to LOUD as it is not a supported log level. ${LEVELS}`,
  ],
  [[['log', SET, 'debug']], ErrorCode.INVALID_CONFIG, LEVELS],
  [[['log', SET, 'OFF']], ErrorCode.INVALID_CONFIG, LEVELS],
  [[['log', SET, null]], ErrorCode.INVALID_REQUEST, 'Null value not supported for : log'],
  [[['root', DELETE, null]], ErrorCode.INVALID_REQUEST, 'Removing the log level of the root logger'],
  [[['log', APPEND, 'INFO']], ErrorCode.INVALID_REQUEST, 'APPEND operation is not allowed'],
  [[['log', SUBTRACT, 'INFO']], ErrorCode.INVALID_REQUEST, 'SUBTRACT operation is not allowed'],
  [[['log', 4, 'INFO']], ErrorCode.INVALID_REQUEST, 'Unknown operation type 4'],
  [
    [
      ['log', SET, 'INFO'],
      ['log', DELETE, null],
    ],
    ErrorCode.INVALID_REQUEST,
    'Error due to duplicate config keys',
  ],
];

test.each(refusals)(
  '%j is refused, and so are the other changes of the resource',
  (changes, code, message) => {
    const broker = testBroker();
    const [answer] = altered(broker, [ofLoggers([['replica', SET, 'DEBUG'], ...changes])]);
    expect(answer).toEqual([code, expect.stringContaining(message)]);
    expect(levelsOf(broker)).toMatchObject({ replica: 'INFO', log: 'INFO', root: 'INFO' });
  },
);

test('the broker refuses loggers of another broker, of no broker, and of a broker that is named twice', () => {
  const broker = testBroker();
  const change: Changes = [['root', SET, 'DEBUG']];
  for (const [name, message] of [
    ['2', 'Unexpected node id. Expected 1, but received 2'],
    ['x', 'Node id must be an integer, but it is: x'],
    ['', 'Node id must be an integer, but it is: '],
    ['99999999999', 'Node id must be an integer, but it is: 99999999999'],
  ] as const)
    expect(altered(broker, [ofLoggers(change, name)])).toEqual([[ErrorCode.INVALID_REQUEST, message]]);
  const twice = [ofLoggers(change), ofLoggers(change, '+01')];
  const repeated = [ErrorCode.INVALID_REQUEST, 'Each resource must appear at most once.'];
  expect(altered(broker, twice)).toEqual([repeated, repeated]);
  expect(levelsOf(broker)).toMatchObject({ root: 'INFO' });
  for (const [name, message] of [
    ['2', 'Unexpected broker id, expected 1 but received 2'],
    ['x', 'Broker id must be an integer, but it is: x'],
    ['', 'Broker id must not be empty'],
  ] as const)
    expect(described(broker, name)).toMatchObject({ errorCode: 42, errorMessage: message, configs: [] });
});

test('the broker alters its loggers itself, and forwards the other resources', () => {
  const broker = testBroker();
  const client = broker.connect();
  const topic = { resourceType: 2, resourceName: 'words', configs: [] };
  const id = client.request(apis.incrementalAlterConfigs, 1, {
    resources: [topic, ofLoggers([['root', SET, 'DEBUG']])],
  });
  expect(broker.logLevels.of('root')).toBe('DEBUG');
  const { request, done } = broker.forwarded[0]!;
  expect(apis.incrementalAlterConfigs.decodeRequest(1, request.body).resources).toEqual([topic]);
  const responses = [{ resourceType: 2, resourceName: 'words', errorCode: 0, errorMessage: 'of the topic' }];
  done({ errorCode: 0, body: concat(apis.incrementalAlterConfigs.encodeResponse(1, { responses })) });
  broker.clock.settle();
  const answer = client.answer(apis.incrementalAlterConfigs, id);
  expect(answer.responses.map(({ resourceType, errorMessage }) => [resourceType, errorMessage])).toEqual([
    [2, 'of the topic'],
    [LOGGER, null],
  ]);
});

test('AlterConfigs cannot alter loggers: the broker forwards them, and the controller refuses them', () => {
  const broker = testBroker();
  const resource = { resourceType: LOGGER, resourceName: '1', configs: [{ name: 'root', value: 'DEBUG' }] };
  broker.connect().request(apis.alterConfigs, 2, { resources: [resource] });
  expect(broker.forwarded).toHaveLength(1);
  expect(levelsOf(broker)).toMatchObject({ root: 'INFO' });
});
