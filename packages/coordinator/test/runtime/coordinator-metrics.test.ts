/** Goal: the metrics show the loads, the appends and the waiting callbacks of a broker's coordinators. */

import { type MetricName, Metrics } from '@millrace/metrics';
import { buildBatch, ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { CoordinatorMetrics } from '../../src/index.ts';
import { bytesOf } from '../support/counter-machine.ts';
import { TOPIC } from '../support/fake-partitions.ts';
import { RuntimeHost } from '../support/runtime-host.ts';

function sampleOf(metrics: Metrics, name: MetricName, ...labels: string[]): number | undefined {
  return metrics.values(name)!.find((one) => one.labels.join() === labels.join())?.value;
}

test('the metrics count loads, appends and waiting decisions', () => {
  const host = new RuntimeHost();
  const { metrics, partitions } = host;
  const value = (name: MetricName, ...labels: string[]) => sampleOf(metrics, name, ...labels);
  const partitionStates = () => metrics.values('millrace_coordinator_partitions')!.map(({ value }) => value);
  expect(value('millrace_coordinator_appends_total', TOPIC)).toBe(0);
  partitions.put(0, buildBatch({ baseTimestamp: 0, records: [{ key: bytesOf('a'), value: bytesOf('4') }] }));
  const machine = host.active();
  partitions.lead(1);
  expect(metrics.values('millrace_coordinator_partitions')).toEqual([
    { labels: ['loading'], value: 1 },
    { labels: ['active'], value: 1 },
    { labels: ['failed'], value: 0 },
  ]);
  expect(value('millrace_coordinator_loaded_records_total', TOPIC)).toBe(1);
  expect(metrics.buckets('millrace_coordinator_load_seconds')!.get('')).toMatchObject({
    count: 1,
    sumSeconds: 0.002,
  });
  partitions.commits = false;
  for (let i = 0; i < 3; i++) host.increment(machine, 'a');
  expect(value('millrace_coordinator_waiting_decisions')).toBe(3);
  host.clock.advance(7);
  expect(value('millrace_coordinator_appends_total', TOPIC)).toBe(1);
  expect(value('millrace_coordinator_appended_records_total', TOPIC)).toBe(3);
  partitions.settle(0);
  host.clock.settle();
  expect(value('millrace_coordinator_waiting_decisions')).toBe(0);
  expect(metrics.buckets('millrace_coordinator_commit_seconds')!.get('')).toMatchObject({
    count: 1,
    sumSeconds: 0.007,
  });
  host.runtime.stop(ErrorCode.COORDINATOR_NOT_AVAILABLE);
  expect(partitionStates()).toEqual([0, 0, 0]);
});

test('the gauges add up all coordinators of the broker', () => {
  const metrics = new Metrics();
  const both = new CoordinatorMetrics(metrics);
  both.register('a', { states: () => ['active', 'loading'], waiting: () => 2 });
  both.register('b', { states: () => ['active'], waiting: () => 3 });
  expect(sampleOf(metrics, 'millrace_coordinator_partitions', 'active')).toBe(2);
  expect(sampleOf(metrics, 'millrace_coordinator_waiting_decisions')).toBe(5);
});
