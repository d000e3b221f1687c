/**
 * The metrics of this process, in one registry for all nodes in the process. prom-client measures all of them
 * except the garbage collections. The observers of the registry never stop. They refer to no node, so they do
 * not keep a stopped node in memory.
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import { definitionOf, metricsTable } from '../metrics-table.ts';

const GC_METRIC = 'nodejs_gc_duration_seconds';
/** The kinds of garbage collections, by the number in `detail.kind` of Node's performance entry. */
const GC_KINDS: Readonly<Record<number, string>> = { 1: 'minor', 4: 'major', 8: 'incremental', 16: 'weakcb' };
const GC_BUCKETS_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1];

let registry: Registry | undefined;

/** Created with the first node that serves `/metrics`. */
export function processRegistry(): Registry {
  registry ??= create();
  return registry;
}

function create(): Registry {
  const created = new Registry();
  collectDefaultMetrics({ register: created });
  // prom-client has more metrics than docs/metrics.md lists, so remove the others. Two metrics must stay in
  // the list, because their collectors also measure other metrics of the list: process_cpu_user_seconds_total
  // and nodejs_heap_size_total_bytes.
  for (const { name } of created.getMetricsAsArray())
    if (definitionOf(name) === undefined || name === GC_METRIC) created.removeSingleMetric(name);
  observeCollections(created);
  return created;
}

/**
 * Measures garbage collections. prom-client could not: when the event loop was busy, Node delivers several
 * entries at once, and prom-client would count only one of them.
 */
function observeCollections(register: Registry): void {
  const { help, label } = metricsTable[GC_METRIC];
  const seconds = new Histogram({
    name: GC_METRIC,
    help,
    labelNames: [label],
    buckets: GC_BUCKETS_SECONDS,
    registers: [register],
  });
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { kind } = (entry as unknown as { detail: { kind: number } }).detail;
      seconds.observe({ [label]: GC_KINDS[kind] ?? String(kind) }, entry.duration / 1000);
    }
  });
  observer.observe({ entryTypes: ['gc'] });
}
