/**
 * Goal: Kafka's tools for groups print the same for Millrace as for Apache Kafka, and Kafka's readers of
 * `__consumer_offsets` understand Millrace's records. fixtures/console.json has the output for Apache Kafka
 * (record-console.ts wrote it). E2E_PEER=true runs the test against Apache Kafka.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { Cluster } from '../lib/cluster.ts';
import { startForGroups } from './clusters.ts';
import { type Outputs, runCalls } from './console.ts';
import { COMMITTED, calls, RECORDS, TOPIC } from './console-table.ts';
import {
  dumpedSegments,
  formattedGroups,
  formattedOffsets,
  type GroupRecord,
  type OffsetRecord,
} from './offsets-topic.ts';

const SESSION_MS = 60_000;
const isPeer = process.env['E2E_PEER'] === 'true';
const tools = ['java', 'franz-go'] as const;
const isSkipped =
  (process.env['E2E_BOOTSTRAP'] !== undefined && !isPeer) ||
  tools.some((name) => 'missing' in inject('tools')[name]);

let cluster: Cluster;
let outputs: Outputs = {};

describe.skipIf(isSkipped)("Kafka's tools for groups", () => {
  beforeAll(async () => {
    cluster = await startForGroups(SESSION_MS, isPeer ? 'combined' : undefined);
    outputs = await runCalls(cluster.bootstrapServers, isPeer ? 1 : 3);
  });
  afterAll(async () => {
    await cluster?.stop();
  });

  const recorded = JSON.parse(
    readFileSync(join(import.meta.dirname, 'fixtures', 'console.json'), 'utf8'),
  ) as Outputs;

  test('the fixture has an output of each call', () => {
    expect(Object.keys(recorded)).toEqual(calls.map(({ name }) => name));
  });

  test.each(calls)('$name', ({ name }) => {
    expect(outputs[name]).toEqual(recorded[name]);
  });

  test('the console consumer prints the committed offsets and the groups of the offsets topic', async () => {
    const isOld = ({ key }: OffsetRecord) => key.data.group === 'old';
    // The deletion of the group writes its last records: a tombstone for each partition.
    const offsets = await formattedOffsets(cluster.bootstrapServers, (records) =>
      records.some((record) => isOld(record) && record.key.data.partition === 0 && record.value === null),
    );
    const first = COMMITTED.map((offset, partition) => ({ topic: TOPIC, partition, offset }));
    const shown = offsets.filter(isOld).map(({ key, value }) => {
      const { topic, partition } = key.data;
      return { topic, partition, offset: value?.data.offset };
    });
    expect(shown).toEqual(expect.arrayContaining(first));
    // The reset of the group to the end wrote the first of these two records, and the deletion of the group
    // wrote the second.
    expect(shown).toContainEqual({ topic: TOPIC, partition: 0, offset: RECORDS });
    expect(shown).toContainEqual({ topic: TOPIC, partition: 0, offset: undefined });
    const isClassic = ({ key }: GroupRecord) => key.data.group === 'classic';
    const groups = await formattedGroups(cluster.bootstrapServers, (records) => records.some(isClassic));
    expect(groups.some(isClassic)).toBe(true);
  });

  test('kafka-dump-log.sh decodes the segments of the offsets topic', async () => {
    const brokers = (await cluster.nodes()).filter(({ role }) => role === 'broker');
    const dumped = await Promise.all(brokers.map(({ id }) => dumpedSegments(cluster, id)));
    for (const text of dumped) {
      expect(text).not.toMatch(/\b(invalid|corrupt|Could not|Exception|Found non-monotonic)/i);
    }
    const all = dumped.join('\n');
    // The type in a key says what the record is: 1 a committed offset, 2 a classic group, 5 a member of a
    // consumer group.
    expect(all.includes('key: {"type":"1","data":{"group":"old"')).toBe(true);
    expect(all.includes('key: {"type":"2","data":{"group":"classic"')).toBe(true);
    expect(all.includes('key: {"type":"5","data":{"groupId":"next"')).toBe(true);
  });
});
