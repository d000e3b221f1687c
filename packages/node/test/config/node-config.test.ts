/**
 * Goal: a node refuses to start with a wrong setting, and its error message says how to correct the setting.
 * Method: real sources of settings (files, environment, command line), one rule in each test.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ConfigError, loadConfig, settingNames, settingsTable } from '../../src/config/index.ts';
import { settingOfVariable } from '../../src/config/sources.ts';
import { INVALID } from '../../src/config/types.ts';

const directory = mkdtempSync(join(tmpdir(), 'millrace-config-'));
afterAll(() => rmSync(directory, { recursive: true }));

const broker = {
  'process.roles': 'broker',
  'node.id': '4',
  'controller.quorum.voters': '1@c1:9093,2@c2:9093,3@[::1]:9093',
  'log.dirs': '/data',
};
const controller = {
  ...broker,
  'process.roles': 'controller',
  'node.id': '1',
  listeners: 'CONTROLLER://127.0.0.1:9093',
};

function problemsOf(overrides: Record<string, string>): readonly string[] {
  try {
    loadConfig({ overrides });
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

test('every default is a valid value of its type', () => {
  for (const name of settingNames) {
    const { type, default: text } = settingsTable[name];
    if (text !== undefined) expect(type.parse(text), name).not.toBe(INVALID);
  }
});

test('a broker that sets only the required settings has the defaults of all others', () => {
  const config = loadConfig({ overrides: broker });
  expect(config).toMatchObject({
    nodeId: 4,
    isBroker: true,
    isController: false,
    brokerListeners: [{ name: 'PLAINTEXT', host: '', port: 9092 }],
    advertisedListeners: [{ name: 'PLAINTEXT', host: '', port: 9092 }],
    interBrokerListenerName: 'PLAINTEXT',
    logDirectory: '/data',
    voters: [
      { id: 1, host: 'c1', port: 9093 },
      { id: 2, host: 'c2', port: 9093 },
      { id: 3, host: '::1', port: 9093 },
    ],
  });
  expect(config.settings['log.segment.bytes']).toBe(1_073_741_824);
  expect(config.settings['log.flush.interval.messages']).toBe(Number.MAX_SAFE_INTEGER);
  expect(config.settings['health.port']).toBeUndefined();
});

test('both roles in one process: the controller gets its listener, and the broker gets the others', () => {
  const config = loadConfig({
    overrides: {
      ...broker,
      'node.id': '2',
      'process.roles': 'broker,controller',
      listeners: 'CONTROLLER://:9093,PLAINTEXT://:0',
    },
  });
  expect(config.controllerListener).toEqual({ name: 'CONTROLLER', host: '', port: 9093 });
  expect(config.brokerListeners).toEqual([{ name: 'PLAINTEXT', host: '', port: 0 }]);
});

test('the environment overrides the file, and --set overrides both', () => {
  const file = join(directory, 'a.properties');
  writeFileSync(file, 'process.roles=broker\nnode.id=4\nnum.partitions=2\nlog.dirs=/a\nbroker.rack=r\n');
  const config = loadConfig({
    file,
    env: {
      KAFKA_CONTROLLER_QUORUM_VOTERS: '1@c:9093',
      KAFKA_LOG_DIRS: '/b',
      KAFKA_NUM_PARTITIONS: '3',
      PATH: '/bin',
    },
    overrides: { 'num.partitions': '4' },
  });
  expect(config.settings['num.partitions']).toBe(4);
  expect(config.logDirectory).toBe('/b');
  expect(config.settings['broker.rack']).toBe('r');
});

test('YAML: the reader joins nested maps and lists, and keeps scalars as they are written', () => {
  const file = join(directory, 'a.yaml');
  writeFileSync(
    file,
    'process.roles: [broker]\nnode: { id: 4 }\nlog:\n  dirs: /a\ncontroller.quorum.voters:\n  - 1@c:9093\n  - 2@d:9093\nbroker.rack: 010\n',
  );
  const config = loadConfig({ file });
  expect(config.voters.map((voter) => voter.id)).toEqual([1, 2]);
  expect(config.settings['broker.rack']).toBe('010');
  writeFileSync(file, 'a: [');
  expect(() => loadConfig({ file })).toThrow(/a\.yaml is not YAML/);
  expect(() => loadConfig({ file: join(directory, 'none') })).toThrow(/none cannot be read \(ENOENT\)/);
});

test('underscores of a variable stand for dots, underscores and dashes; variables of Kubernetes and the image are not settings', () => {
  expect(settingOfVariable('KAFKA_A_B__C___D')).toBe('a.b_c-d');
  for (const name of [
    'KAFKA_HEAP_OPTS',
    'KAFKA_PORT',
    'KAFKA_PORT_9092_TCP_ADDR',
    'KAFKA_SERVICE_HOST',
    'HOME',
  ]) {
    expect(settingOfVariable(name), name).toBeUndefined();
  }
});

test('the message about an unknown key suggests the most similar setting', () => {
  expect(problemsOf({ ...broker, 'num.partition': '3' })).toEqual([
    "num.partition='3' is not a setting of Millrace (from --set num.partition); did you mean num.partitions? docs/configuration.md lists every setting",
  ]);
});

test('the message names key, value and allowed values; all problems come at once', () => {
  expect(problemsOf({ ...broker, 'num.partitions': '0', 'auto.create.topics.enable': 'yes' })).toEqual([
    "num.partitions='0' is not allowed; give an integer of at least 1 (from --set num.partitions)",
    "auto.create.topics.enable='yes' is not allowed; give true or false (from --set auto.create.topics.enable)",
  ]);
  expect(problemsOf({})).toHaveLength(4);
});

const rules: [string, Record<string, string>, RegExp][] = [
  [
    'controller without its listener',
    { ...controller, listeners: 'PLAINTEXT://:9092' },
    /no listener named CONTROLLER/,
  ],
  [
    'broker with the listener of controllers',
    { ...broker, listeners: 'CONTROLLER://:9093,PLAINTEXT://:9092' },
    /broker only; remove/,
  ],
  [
    'broker without a listener',
    { ...broker, 'controller.listener.names': 'PLAINTEXT' },
    /which a broker needs/,
  ],
  [
    'controller with a client listener',
    { ...controller, listeners: 'CONTROLLER://:1,PLAINTEXT://:2' },
    /controller only/,
  ],
  ['controller that is not a voter', { ...controller, 'node.id': '9' }, /give one of 1, 2, 3/],
  ['broker with a voter id', { ...broker, 'node.id': '3' }, /an id other than 1, 2, 3/],
  ['controller on port 0', { ...controller, listeners: 'CONTROLLER://:0' }, /port 0/],
  ['same port twice', { ...broker, listeners: 'A://:9092,B://127.0.0.1:9092' }, /same port 9092/],
  ['TLS', { ...broker, listeners: 'SSL://:9092' }, /not supported yet/],
  [
    'SASL by map',
    { ...broker, listeners: 'A://:9092', 'listener.security.protocol.map': 'A:SASL_SSL' },
    /A the protocol SASL_SSL/,
  ],
  ['unknown protocol', { ...broker, 'listener.security.protocol.map': 'A:TLS' }, /not a security protocol/],
  [
    'advertised address 0.0.0.0',
    { ...broker, 'advertised.listeners': 'PLAINTEXT://0.0.0.0:9092' },
    /no client can connect/,
  ],
  [
    'advertised listener that does not exist',
    { ...broker, 'advertised.listeners': 'X://h:9092' },
    /not among/,
  ],
  [
    'unknown inter-broker listener',
    { ...broker, 'inter.broker.listener.name': 'X' },
    /inter\.broker\.listener\.name='X'/,
  ],
  ['two folders', { ...broker, 'log.dirs': '/a,/b' }, /one folder/],
  ['voter twice', { ...broker, 'controller.quorum.voters': '1@a:1,1@b:2' }, /each id at most once/],
  ['two controller listener names', { ...broker, 'controller.listener.names': 'A,B' }, /name of a listener/],
  [
    'no retention',
    { ...broker, 'log.retention.ms': '0' },
    /log\.retention\.ms='0'.*give -1 or .* at least 1/,
  ],
  ['no minute', { ...broker, 'log.retention.minutes': '0' }, /log\.retention\.minutes='0'/],
  ['no hour', { ...broker, 'log.retention.hours': '0' }, /log\.retention\.hours='0'/],
  ['heartbeats too slow', { ...broker, 'broker.heartbeat.interval.ms': '2000' }, /at most half/],
];

test.each(rules)('refused: %s', (_name, overrides, expected) => {
  const problems = problemsOf(overrides);
  expect(problems.join('\n')).toMatch(expected);
});

test("Kafka's default protocol map is accepted as long as no listener uses an unsupported protocol", () => {
  const map =
    'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL';
  expect(problemsOf({ ...broker, 'listener.security.protocol.map': map })).toEqual([]);
});
