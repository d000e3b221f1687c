/**
 * Goal: topic configs have Kafka's names, types, defaults and layers. Method: a pinned table; examples of
 * accepted and refused values.
 */
import { ConfigSource } from '@millrace/protocol';
import { describe, expect, test } from 'vitest';
import {
  booleanOf,
  describeTopicConfigs,
  effectiveTopicConfig,
  numberOf,
  topicConfigDefinitions,
  validateTopicConfig,
  validateTopicConfigs,
} from '../src/topic-config.ts';

describe('the table', () => {
  test('names, types, defaults and broker properties are those of Kafka 4.3.1', () => {
    const table = topicConfigDefinitions.map(({ name, type, defaultValue, serverProperties }) => {
      const from = serverProperties.map(({ name: property }) => property).join(', ');
      return `${name} | ${type} | ${defaultValue} | ${from}`;
    });
    expect(table.join('\n')).toMatchSnapshot();
  });

  test('is sorted by name, and each default is a legal value', () => {
    const names = topicConfigDefinitions.map(({ name }) => name);
    expect(names).toEqual([...names].sort());
    for (const { name, defaultValue } of topicConfigDefinitions) {
      expect(validateTopicConfig(name, defaultValue)).toBeUndefined();
    }
  });
});

describe('values', () => {
  test.each([
    ['cleanup.policy', 'compact,delete'],
    ['cleanup.policy', 'delete, compact'],
    ['retention.ms', '-1'],
    ['retention.ms', ' 1000 '],
    ['retention.bytes', '9223372036854775807'],
    ['flush.messages', '1'],
    ['compression.gzip.level', '-1'],
    ['compression.type', 'producer'],
    ['compression.type', 'uncompressed'],
    ['compression.type', 'zstd'],
    ['preallocate', 'FALSE'],
    ['min.cleanable.dirty.ratio', '0.25'],
    ['unclean.leader.election.enable', 'TRUE'],
    ['preallocate', 'true'],
    ['flush.ms', '0'],
    ['segment.jitter.ms', '60000'],
    ['leader.replication.throttled.replicas', ''],
    ['leader.replication.throttled.replicas', '0:1, 1:2'],
    ['follower.replication.throttled.replicas', '*'],
    ['local.retention.ms', '-2'],
    ['remote.storage.enable', 'false'],
  ])('%s=%s is accepted', (name, value) => {
    expect(validateTopicConfig(name, value)).toBeUndefined();
  });

  test.each([
    ['cleanup.policy', 'shred'],
    ['cleanup.policy', 'delete,delete'],
    ['retention.ms', '-2'],
    ['retention.ms', '7d'],
    ['retention.ms', ''],
    ['retention.ms', '9223372036854775808'],
    ['max.message.bytes', '2147483648'],
    ['max.message.bytes', '1.5'],
    ['segment.bytes', '1000'],
    ['min.insync.replicas', '0'],
    ['compression.gzip.level', '0'],
    ['compression.lz4.level', '18'],
    ['compression.type', 'brotli'],
    ['message.timestamp.type', 'createtime'],
    ['min.cleanable.dirty.ratio', '1.1'],
    ['min.cleanable.dirty.ratio', 'half'],
    ['min.cleanable.dirty.ratio', ' '],
    ['preallocate', 'yes'],
    ['flush.ms', '-1'],
    ['segment.jitter.ms', '-1'],
    ['leader.replication.throttled.replicas', '0'],
    ['leader.replication.throttled.replicas', '0:1,*'],
    ['follower.replication.throttled.replicas', 'all'],
    ['message.format.version', '2.8'],
    ['message.timestamp.difference.max.ms', '1000'],
    // Tiered storage does not exist yet.
    ['remote.storage.enable', 'true'],
    ['no.such.config', '1'],
    ['constructor', '1'],
  ])('%s=%s is refused, naming the config', (name, value) => {
    expect(validateTopicConfig(name, value)).toContain(name);
  });

  test("a min.compaction.lag.ms above max.compaction.lag.ms is refused, even if the node's setting is the maximum", () => {
    const lag = (ms: string) => new Map([['min.compaction.lag.ms', ms]]);
    expect(validateTopicConfigs(new Map([...lag('5'), ['max.compaction.lag.ms', '4']]))).toMatch(/larger/);
    const node = new Map([['log.cleaner.max.compaction.lag.ms', '4']]);
    expect(validateTopicConfigs(lag('5'), { staticBroker: node })).toMatch(/larger/);
    expect(validateTopicConfigs(lag('4'), { staticBroker: node })).toBeUndefined();
  });

  test('numbers that mean "no limit" become the largest safe integer', () => {
    expect(numberOf('9223372036854775807')).toBe(Number.MAX_SAFE_INTEGER);
    expect(numberOf(' -1 ')).toBe(-1);
    expect(booleanOf(' True')).toBe(true);
    expect(booleanOf('no')).toBe(false);
  });
});

describe('layers', () => {
  const layers = {
    topic: new Map([['retention.ms', '1']]),
    dynamicBroker: new Map([['log.retention.ms', '2']]),
    dynamicDefault: new Map([['log.retention.minutes', '3']]),
    staticBroker: new Map([
      ['log.retention.hours', '4'],
      ['min.insync.replicas', '2'],
    ]),
  };

  test('the strongest layer counts, in the unit of the topic config', () => {
    const { topic: _topic, ...withoutTopic } = layers;
    const { dynamicBroker: _dynamic, ...withoutBroker } = withoutTopic;
    const { staticBroker } = layers;
    expect(effectiveTopicConfig('retention.ms', layers)).toBe('1');
    expect(effectiveTopicConfig('retention.ms', withoutTopic)).toBe('2');
    expect(effectiveTopicConfig('retention.ms', withoutBroker)).toBe('180000');
    expect(effectiveTopicConfig('retention.ms', { staticBroker })).toBe('14400000');
    expect(effectiveTopicConfig('retention.ms', {})).toBe('604800000');
  });

  test('the property with the finer unit counts, and "no limit" in a coarser unit stays "no limit"', () => {
    const both = new Map([
      ['log.retention.hours', '4'],
      ['log.retention.ms', '5'],
    ]);
    expect(effectiveTopicConfig('retention.ms', { staticBroker: both })).toBe('5');
    const unlimited = new Map([['log.retention.hours', '-1']]);
    expect(effectiveTopicConfig('retention.ms', { staticBroker: unlimited })).toBe('-1');
  });

  test('a description lists every config with its source and its weaker values', () => {
    const described = describeTopicConfigs(layers);
    expect(described.length).toBe(topicConfigDefinitions.length);
    const of = (name: string) => described.find((config) => config.name === name)!;
    expect(of('retention.ms')).toMatchObject({ value: '1', source: ConfigSource.TOPIC });
    expect(of('retention.ms').synonyms.map(({ source }) => source)).toEqual([1, 2, 3, 4, 5]);
    expect(of('min.insync.replicas')).toMatchObject({ value: '2', source: ConfigSource.STATIC_BROKER });
    expect(of('segment.ms')).toMatchObject({ value: '604800000', source: ConfigSource.DEFAULT });
  });
});
