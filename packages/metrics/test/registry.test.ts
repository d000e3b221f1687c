/** Goal: a scrape shows exactly the metrics of the table, with the counted values, in Prometheus's format. */
import { readFileSync } from 'node:fs';
import { type LabelledValue, type MetricDefinition, Metrics, metricsTable } from '@millrace/metrics';
import { Exposition } from '@millrace/metrics/io';
import { expect, test } from 'vitest';
import { documentPath, generateDocument } from '../src/io/generate-docs.ts';

async function scraped(metrics: Metrics): Promise<string[]> {
  return (await new Exposition(metrics).text()).split('\n');
}

test('a counter counts by label; two counters of one name share their values', async () => {
  const metrics = new Metrics();
  const requests = metrics.counter('millrace_requests_total');
  requests.add(1, 'Fetch');
  requests.add(1, 'Produce');
  metrics.counter('millrace_requests_total').add(2, 'Fetch');
  metrics.counter('millrace_isr_shrinks_total').add(1);
  const lines = await scraped(metrics);
  expect(lines).toContain('# TYPE millrace_requests_total counter');
  expect(lines).toContain('millrace_requests_total{api="Fetch"} 3');
  expect(lines).toContain('millrace_requests_total{api="Produce"} 1');
  expect(lines).toContain('millrace_isr_shrinks_total 1');
});

test('a gauge is read at each scrape, and not before', async () => {
  const metrics = new Metrics();
  let reads = 0;
  metrics.gauge('millrace_connections', () => ++reads);
  metrics.gauge('millrace_replicas', () => new Map([['leader', 4]]));
  metrics.gauge('millrace_quorum_epoch', () => undefined);
  const exposition = new Exposition(metrics);
  expect(reads).toBe(0);
  expect(await exposition.text()).toContain('millrace_connections 1\n');
  const lines = (await exposition.text()).split('\n');
  expect(lines).toContain('millrace_connections 2');
  expect(lines).toContain('millrace_replicas{role="leader"} 4');
  expect(lines.filter((line) => line.startsWith('millrace_quorum_epoch'))).toEqual([]);
});

test('a gauge with several labels has a sample for each of its values', async () => {
  const metrics = new Metrics();
  const lags: LabelledValue<readonly [string, string, string]>[] = [
    { labels: ['billing', 'a "topic"', '0'], value: 3 },
    { labels: ['billing', 'orders', '11'], value: 0 },
  ];
  metrics.gauge('millrace_group_lag', () => lags);
  const lines = await scraped(metrics);
  expect(lines).toContain('millrace_group_lag{group="billing",topic="a \\"topic\\"",partition="0"} 3');
  expect(lines).toContain('millrace_group_lag{group="billing",topic="orders",partition="11"} 0');
});

test('a scrape reads the gauges when every preparation is done', async () => {
  const metrics = new Metrics();
  let connections = 0;
  metrics.gauge('millrace_connections', () => connections);
  metrics.beforeScrape('millrace_group_lag', (done) => done());
  metrics.beforeScrape('millrace_connections', (done) =>
    setTimeout(() => {
      connections++;
      done();
    }, 5),
  );
  expect(await scraped(metrics)).toContain('millrace_connections 1');
  expect(await scraped(metrics)).toContain('millrace_connections 2');
});

test('a preparation replaces an earlier preparation of the same name, even if the earlier one never calls done', async () => {
  const metrics = new Metrics();
  const asked: string[] = [];
  metrics.beforeScrape('millrace_group_lag', () => asked.push('the stopped broker'));
  metrics.beforeScrape('millrace_group_lag', (done) => {
    asked.push('the broker');
    done();
  });
  await scraped(metrics);
  expect(asked).toEqual(['the broker']);
});

test('a histogram has cumulative buckets, a sum and a count', async () => {
  const metrics = new Metrics();
  const times = metrics.histogram('millrace_request_seconds');
  for (const durationMs of [0.4, 0.5, 3, 900, 60_000]) times.observeMs(durationMs, 'Fetch');
  const lines = await scraped(metrics);
  const bucket = (le: string) =>
    lines
      .find((line) => line.startsWith(`millrace_request_seconds_bucket{le="${le}"`))
      ?.split(' ')
      .at(-1);
  expect(['0.0005', '0.001', '0.005', '0.5', '1', '5', '+Inf'].map(bucket)).toEqual([
    '2',
    '2',
    '3',
    '3',
    '4',
    '4',
    '5',
  ]);
  expect(lines).toContain('millrace_request_seconds_count{api="Fetch"} 5');
  expect(lines).toContain('millrace_request_seconds_sum{api="Fetch"} 60.9039');
});

test('a counter without a label shows 0 before its first event', async () => {
  const metrics = new Metrics();
  metrics.counter('millrace_isr_expands_total');
  metrics.histogram('millrace_quorum_commit_seconds');
  const lines = await scraped(metrics);
  expect(lines).toContain('millrace_isr_expands_total 0');
  expect(lines).toContain('millrace_quorum_commit_seconds_count 0');
});

test('every metric of a scrape is in the table, including those of the process', async () => {
  const lines = (await scraped(new Metrics())).filter((line) => line.startsWith('# TYPE'));
  const shown = lines.map((line) => line.split(' ').slice(2, 4));
  const table = Object.entries(metricsTable) as [string, MetricDefinition][];
  expect(shown.sort()).toEqual(table.map(([name, { type }]) => [name, type]).sort());
});

test('a scrape has values of the metrics of the process', async () => {
  const exposition = new Exposition(new Metrics());
  const end = performance.now() + 50;
  while (performance.now() < end);
  const lines = (await exposition.text()).split('\n');
  const value = (name: string) => Number(lines.find((line) => line.startsWith(`${name} `))?.split(' ')[1]);
  const measured = Object.entries(metricsTable).filter(([name, { type }]) => {
    // A delay may be 0, and so may the CPU time in system calls.
    return !/^millrace|eventloop|system/.test(name) && type !== 'histogram';
  });
  expect(measured.map(([name]) => name).filter((name) => !(value(name) > 0))).toEqual([]);
});

test('a metric that is not in the table, and a missing label, do not compile', () => {
  const metrics = new Metrics();
  // @ts-expect-error: no such metric
  expect(() => metrics.counter('millrace_nothing_total')).not.toThrow();
  // @ts-expect-error: this metric is a gauge, not a counter
  expect(() => metrics.counter('millrace_connections')).not.toThrow();
  // @ts-expect-error: the label is missing
  expect(() => metrics.counter('millrace_requests_total').add(1)).not.toThrow();
});

test('names and units are Prometheus’s: base units, _total for counters', () => {
  for (const [name, { type }] of Object.entries(metricsTable)) {
    expect(name).toMatch(/^[a-z]+(_[a-z0-9]+)+$/);
    expect(name.endsWith('_total')).toBe(type === 'counter');
    expect(name).not.toMatch(/_(ms|millis|kib|mib)(_|$)/);
    if (type === 'histogram') expect(name).toMatch(/_seconds$/);
  }
});

test('docs/metrics.md agrees with the table', () => {
  expect(readFileSync(documentPath, 'utf8')).toBe(generateDocument());
});
