/**
 * Kafka's kafka-configs.sh alters, describes and resets configs of a topic, a broker, all brokers, a group
 * and the loggers of a broker. The test expects the lines that the tool prints for Apache Kafka 4.3.1. One
 * line has one synonym more than Kafka's line: the default of retention.ms, which only Millrace lists
 * (wire/justified.ts has the reason).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, inject, test } from 'vitest';
import { aliveBrokers, createTopic } from '../lib/wire.ts';
import { KafkaTools } from './kafka-tools.ts';
import { isMissing, topicOf } from './round-trip.ts';

const TOPIC = topicOf('config-tool');
const TRIES = 10;

const tools = new KafkaTools();
afterAll(() => tools.close());

async function configTool(...args: readonly string[]): Promise<string[]> {
  return await tools.call('kafka.admin.ConfigCommand', args);
}

/** Describes the entity until the tool prints these lines, because brokers apply a change with a delay. */
async function describes(entity: readonly string[], expected: readonly string[]): Promise<void> {
  let seen: readonly string[] = [];
  for (let tries = 0; tries < TRIES && seen.join() !== expected.join(); tries++) {
    if (tries > 0) await sleep(200);
    seen = await configTool('--describe', ...entity);
  }
  expect(seen).toEqual(expected);
}

describe.skipIf(isMissing('java'))('kafka-configs.sh', () => {
  test('a topic', async () => {
    await createTopic(inject('bootstrapServers'), { name: TOPIC, partitions: 1, replicas: 3 });
    const entity = ['--entity-type', 'topics', '--entity-name', TOPIC];
    const configs = 'retention.ms=3600000,max.message.bytes=2000';
    expect(await configTool('--alter', ...entity, '--add-config', configs)).toEqual([
      `Completed updating config for topic ${TOPIC}.`,
    ]);
    const head = `Dynamic configs for topic ${TOPIC} are:`;
    const size =
      '  max.message.bytes=2000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:max.message.bytes=2000, DEFAULT_CONFIG:message.max.bytes=1048588}';
    await describes(entity, [
      head,
      size,
      '  retention.ms=3600000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:retention.ms=3600000, DEFAULT_CONFIG:log.retention.ms=604800000}',
    ]);
    await configTool('--alter', ...entity, '--delete-config', 'retention.ms');
    await describes(entity, [head, size]);
  });

  test('one broker and all brokers', async () => {
    const [id] = [...(await aliveBrokers(inject('bootstrapServers'))).keys()];
    const one = ['--entity-type', 'brokers', '--entity-name', String(id)];
    const all = ['--entity-type', 'brokers', '--entity-default'];
    expect(await configTool('--alter', ...one, '--add-config', 'max.connections=1000')).toEqual([
      `Completed updating config for broker ${id}.`,
    ]);
    expect(await configTool('--alter', ...all, '--add-config', 'max.connections=2000')).toEqual([
      'Completed updating default config for brokers in the cluster.',
    ]);
    const head = `Dynamic configs for broker ${id} are:`;
    const ofAll = 'DYNAMIC_DEFAULT_BROKER_CONFIG:max.connections=2000';
    await describes(one, [
      head,
      `  max.connections=1000 sensitive=false synonyms={DYNAMIC_BROKER_CONFIG:max.connections=1000, ${ofAll}, DEFAULT_CONFIG:max.connections=2147483647}`,
    ]);
    await describes(all, [
      'Default configs for brokers in the cluster are:',
      `  max.connections=2000 sensitive=false synonyms={${ofAll}}`,
    ]);
    await configTool('--alter', ...one, '--delete-config', 'max.connections');
    await configTool('--alter', ...all, '--delete-config', 'max.connections');
    await describes(one, [head]);
    await expect(configTool('--alter', ...one, '--add-config', 'node.id=77')).rejects.toThrow(
      'Cannot update these configs dynamically: [node.id]',
    );
  });

  test('a group', async () => {
    const group = `group-of-${TOPIC}`;
    const entity = ['--entity-type', 'groups', '--entity-name', group];
    const name = 'consumer.session.timeout.ms';
    expect(await configTool('--alter', ...entity, '--add-config', `${name}=50000`)).toEqual([
      `Completed updating config for group ${group}.`,
    ]);
    await describes(entity, [
      `Dynamic configs for group ${group} are:`,
      `  ${name}=50000 sensitive=false synonyms={DYNAMIC_GROUP_CONFIG:${name}=50000, DEFAULT_CONFIG:group.${name}=45000}`,
    ]);
    await configTool('--alter', ...entity, '--delete-config', name);
    await describes(entity, [`The group '${group}' doesn't exist and doesn't have dynamic config.`]);
  });

  test('the loggers of a broker', async () => {
    const [id, other] = [...(await aliveBrokers(inject('bootstrapServers'))).keys()];
    const entity = ['--entity-type', 'broker-loggers', '--entity-name', String(id)];
    const levels = async (broker = entity) =>
      (await configTool('--describe', ...broker)).filter((line) => /^ {2}(group|replica)=/.test(line));
    const line = (name: string, level: string) => `  ${name}=${level} sensitive=false synonyms={}`;
    const before = await levels();
    expect(await configTool('--alter', ...entity, '--add-config', 'group=TRACE,replica=ERROR')).toEqual([
      `Completed updating config for broker-logger ${id}.`,
    ]);
    expect(await levels()).toEqual([line('group', 'TRACE'), line('replica', 'ERROR')]);
    expect(await levels([...entity.slice(0, -1), String(other)])).toEqual(before);
    await configTool('--alter', ...entity, '--delete-config', 'group,replica');
    expect(await levels()).toEqual(before);
    await expect(configTool('--alter', ...entity, '--add-config', 'group=LOUD')).rejects.toThrow(
      'Cannot set the log level of group to LOUD as it is not a supported log level.',
    );
  });
});
