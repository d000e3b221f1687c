/**
 * Goal: the commands show and change configs, and a change acts on a running cluster without a restart.
 * Method: a real cluster; the commands run in processes of their own.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { MemoryLogger } from '@millrace/base/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startCluster } from '../../src/index.ts';
import { clusterCommands } from '../support/cluster-commands.ts';

const logger = new MemoryLogger();
let cluster: Awaited<ReturnType<typeof startCluster>>;
beforeAll(async () => {
  cluster = await startCluster({ brokers: 2, seams: { logger } });
  await out(['topic', 'create', 'orders', '--partitions', '1', '--replication-factor', '2']);
});
afterAll(() => cluster.stop());

const { out, refusal } = clusterCommands(() => cluster.bootstrapServers);

/**
 * Runs the command again and again until it prints the text, because a broker applies a change a moment after
 * the answer.
 */
async function shows(words: readonly string[], text: RegExp): Promise<void> {
  let seen = '';
  for (let tries = 0; tries < 20 && !text.test(seen); tries++) {
    if (tries > 0) await sleep(100);
    seen = await out(words);
  }
  expect(seen).toMatch(text);
}

const large = `${'x'.repeat(5000)}\n`;

test('a leader refuses a batch that exceeds the altered max.message.bytes, and accepts it after the reset', async () => {
  await out(['config', 'set', '--topic', 'orders', 'max.message.bytes=1000', 'retention.ms=3600000']);
  await shows(['config', 'get', '--topic', 'orders'], /max\.message\.bytes +1000 +DYNAMIC_TOPIC_CONFIG/);
  expect(await refusal(['produce', 'orders'], large)).toContain('MESSAGE_TOO_LARGE');
  await out(['config', 'unset', '--topic', 'orders', 'max.message.bytes']);
  await shows(
    ['config', 'get', '--topic', 'orders', 'max.message.bytes'],
    /max\.message\.bytes +1048588 +DEFAULT_CONFIG/,
  );
  await out(['produce', 'orders'], large);
  expect(await out(['config', 'get', '--topic', 'orders'])).toContain('retention.ms  3600000');
});

test('a setting of all brokers applies to topics; a setting of one broker overrides it', async () => {
  await out(['config', 'set', '--all-brokers', 'message.max.bytes=2000000']);
  const ofTopic = ['config', 'get', '--topic', 'orders', 'max.message.bytes'];
  await shows(ofTopic, /2000000 +DYNAMIC_DEFAULT_BROKER_CONFIG/);
  const id = String(cluster.nodes.find(({ role }) => role === 'broker')!.id);
  await out(['config', 'set', '--broker', id, 'message.max.bytes=3000000']);
  await shows(['config', 'get', '--broker', id], /message\.max\.bytes +3000000 +DYNAMIC_BROKER_CONFIG/);
  await out(['config', 'unset', '--broker', id, 'message.max.bytes']);
  await out(['config', 'unset', '--all-brokers', 'message.max.bytes']);
  await shows(ofTopic, /1048588 +DEFAULT_CONFIG/);
  expect(await out(['config', 'get', '--broker', id, 'node.id'])).toContain('(read-only)');
});

test('a group sets its session timeout', async () => {
  await out(['config', 'set', '--group', 'shop', 'consumer.session.timeout.ms=50000']);
  await shows(
    ['config', 'get', '--group', 'shop'],
    /consumer\.session\.timeout\.ms +50000 +DYNAMIC_GROUP_CONFIG/,
  );
});

test('the loggers of one broker change their levels at once', async () => {
  const ids = cluster.nodes.filter(({ role }) => role === 'broker').map(({ id }) => String(id));
  const ofBroker = (verb: string, id: string) => ['config', verb, '--broker-loggers', id];
  expect(await out(ofBroker('set', ids[0]!).concat('client=FATAL'))).toBe(
    `Changed client of the loggers of broker ${ids[0]} to FATAL.\n`,
  );
  expect(await out(ofBroker('get', ids[0]!))).toMatch(
    /^client +FATAL +DYNAMIC_BROKER_LOGGER_CONFIG\n(.*\n)*root +DEBUG +DYNAMIC_BROKER_LOGGER_CONFIG$/m,
  );
  // The broker does not write this event, because its logger writes nothing.
  await out(ofBroker('set', ids[0]!).concat('client=WARN'));
  await out(ofBroker('set', ids[1]!).concat('client=ERROR'));
  await out(ofBroker('unset', ids[0]!).concat('client'));
  const written = logger.events.filter(({ event }) => event === 'log-level-altered');
  expect(written.map(({ facts }) => [facts['from'], facts['to']])).toEqual([
    ['DEBUG', 'FATAL'],
    ['DEBUG', 'ERROR'],
    ['WARN', 'DEBUG'],
  ]);
  expect(await refusal(ofBroker('set', ids[0]!).concat('clients=INFO'))).toContain(
    'Logger clients does not exist: this broker has root, client, controller, coordinator,',
  );
});

test('topic alter changes configs and adds partitions', async () => {
  const words = ['--partitions', '3', '--config', 'segment.ms=600000', '--unset', 'retention.ms'];
  expect(await out(['topic', 'alter', 'orders', ...words])).toContain('has 3 partitions now');
  await shows(['config', 'get', '--topic', 'orders'], /^CONFIG +VALUE +SOURCE\nsegment\.ms +600000 +\S+\n$/);
  await shows(['topic', 'describe', 'orders'], /PartitionCount: 3/);
});

test('refusals name the config, the value and what is allowed, and change nothing', async () => {
  const before = await out(['config', 'get', '--topic', 'orders']);
  const set = ['config', 'set', '--topic', 'orders'];
  expect(await refusal([...set, 'segment.ms=5', 'min.insync.replicas=many'])).toContain(
    "invalid value 'many' for config min.insync.replicas: not a whole number",
  );
  expect(await out([...set, 'segment.ms=5', '--dry-run'])).toContain('Would change segment.ms');
  expect(await refusal(['config', 'unset', '--topic', 'orders', 'retention.mss'])).toContain(
    "topic 'orders' does not set retention.mss: it sets segment.ms",
  );
  expect(await refusal(['config', 'get', '--topic', 'orders', 'no.such'])).toContain('has no config no.such');
  expect(await refusal(['config', 'get', '--broker', '77'])).toContain('there is no broker 77');
  expect(await refusal(['config', 'set', '--all-brokers', 'node.id=5'])).toContain(
    'Cannot update these configs dynamically: [node.id]',
  );
  expect(await out(['config', 'get', '--topic', 'orders'])).toBe(before);
});
