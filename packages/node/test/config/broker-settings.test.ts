/**
 * Goal: requests can change the same settings in Millrace as in Apache Kafka 4.3.1, except the listeners.
 * Method: compares the dynamic settings with those that Apache Kafka's DescribeConfigs shows as not
 * read-only. The test leaves out settings that Millrace lacks.
 */
import { topicConfigDefinitions } from '@millrace/metadata/topic-config';
import { expect, test } from 'vitest';
import { brokerSettings } from '../../src/config/broker-settings.ts';
import { settingsTable } from '../../src/config/table.ts';
import { INVALID } from '../../src/config/types.ts';

const settings = brokerSettings();

test('the dynamic settings are those of Kafka', () => {
  const topicFallbacks = topicConfigDefinitions.map(({ serverProperties }) => serverProperties[0]?.name);
  const dynamic = [...settings].filter(([, { isDynamic }]) => isDynamic).map(([name]) => name);
  expect(dynamic.filter((name) => !topicFallbacks.includes(name)).sort()).toEqual([
    'group.consumer.assignment.interval.ms',
    'log.cleaner.backoff.ms',
    'log.cleaner.dedupe.buffer.size',
    'log.cleaner.io.buffer.load.factor',
    'log.cleaner.io.buffer.size',
    'log.cleaner.io.max.bytes.per.second',
    'log.cleaner.threads',
    'max.connections',
    'max.connections.per.ip',
    'producer.id.expiration.ms',
  ]);
  expect(dynamic).toContain('log.roll.jitter.ms');
  expect(dynamic).not.toContain('log.roll.jitter.hours');
  for (const name of topicFallbacks)
    if (name !== undefined && settings.has(name)) expect(dynamic).toContain(name);
});

test.each([
  ['max.connections', '0', 'must be an integer of at least 1'],
  ['max.connections', ' 5 ', undefined],
  ['max.connections.per.ip', '0', 'must be an integer of at least 1'],
  ['max.connections', 'many', 'must be an integer of at least 1'],
  ['log.retention.ms', '0', 'must be -1 or an integer of at least 1'],
  ['log.retention.ms', '-1', undefined],
  ['log.retention.ms', ' 9223372036854775807 ', undefined],
  ['log.segment.bytes', '5', 'must be at least 1048576'],
  ['log.flush.interval.messages', '9223372036854775807', undefined],
  ['log.cleaner.io.max.bytes.per.second', '0', 'must be a number above 0'],
  ['log.cleaner.io.max.bytes.per.second', ' 1.5E6 ', undefined],
  ['log.cleaner.io.max.bytes.per.second', 'NaN', 'must be a number above 0'],
  ['log.cleaner.io.buffer.load.factor', '1.1', 'must be a number above 0 and at most 1'],
  ['log.cleaner.io.buffer.load.factor', '.5', undefined],
  ['log.cleaner.min.cleanable.ratio', '1.5', 'must be a number from 0 to 1'],
  ['log.cleanup.policy', 'compact,delete', undefined],
  ['log.cleanup.policy', 'shred', 'may only hold compact, delete'],
  ['compression.type', 'brotli', 'must be one of uncompressed, zstd, lz4, snappy, gzip, producer'],
])('%s=%s: %s', (name, value, problem) => {
  expect(settings.get(name)!.check(value)).toBe(problem);
});

test('while a node runs, no request can give a setting a value that the node refuses at its start', () => {
  for (const [name, { isDynamic, check }] of settings) {
    if (!isDynamic) continue;
    const { type } = settingsTable[name as keyof typeof settingsTable];
    for (const value of ['', '-9223372036854775808', '-1', '0', '1', '99999999999', 'TRUE', 'gzip', 'x'])
      if (type.parse(value) === INVALID) expect([name, value, check(value)]).not.toContain(undefined);
  }
});
