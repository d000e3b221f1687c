/**
 * A node's metrics in Prometheus's text format, which prom-client writes. process-registry.ts measures the
 * process: event loop, garbage collections, memory. The node keeps the values of all other metrics itself,
 * and each scrape reads them.
 */
import { type Metric, Registry } from 'prom-client';
import { labelNames, type MetricDefinition, type MetricName, metricsTable } from '../metrics-table.ts';
import { BUCKETS_SECONDS, type Metrics, NO_LABEL } from '../registry.ts';
import { processRegistry } from './process-registry.ts';

interface Sample {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

export class Exposition {
  private readonly process = processRegistry();
  private readonly registry = new Registry();
  readonly contentType: string = this.registry.contentType;

  private readonly metrics: Metrics;

  constructor(metrics: Metrics) {
    this.metrics = metrics;
    for (const [name, definition] of Object.entries(metricsTable) as [MetricName, MetricDefinition][])
      if (definition.isDefault !== true)
        this.registry.registerMetric(new Written(name, definition, metrics) as unknown as Metric);
  }

  async text(): Promise<string> {
    await new Promise<void>((prepared) => this.metrics.prepare(prepared));
    return (await this.process.metrics()) + (await this.registry.metrics());
  }
}

/** One metric of the node, in the form that prom-client reads at a scrape. */
class Written {
  readonly name: MetricName;
  readonly help: string;
  readonly type: MetricDefinition['type'];
  readonly aggregator = 'sum';
  private readonly labels: readonly string[];
  private readonly metrics: Metrics;

  constructor(name: MetricName, definition: MetricDefinition, metrics: Metrics) {
    this.name = name;
    this.help = definition.help;
    this.type = definition.type;
    this.labels = labelNames(definition);
    this.metrics = metrics;
  }

  get(): unknown {
    const { name, help, type, aggregator } = this;
    const values = type === 'histogram' ? this.histogram() : this.plain();
    return { name, help, type, aggregator, values };
  }

  reset(): void {}

  private plain(): Sample[] {
    const values = this.metrics.values(this.name) ?? [];
    return values.map(({ labels, value }) => ({ labels: this.labelled(labels), value }));
  }

  private histogram(): Sample[] {
    const samples: Sample[] = [];
    for (const [label, { counts, sumSeconds, count }] of this.metrics.buckets(this.name) ?? []) {
      const labels = this.labelled(label === NO_LABEL ? [] : [label]);
      let below = 0;
      for (const [index, here] of counts.entries()) {
        below += here;
        const le = BUCKETS_SECONDS[index] ?? '+Inf';
        samples.push({ metricName: `${this.name}_bucket`, labels: { le, ...labels }, value: below });
      }
      samples.push({ metricName: `${this.name}_sum`, labels, value: sumSeconds });
      samples.push({ metricName: `${this.name}_count`, labels, value: count });
    }
    return samples;
  }

  private labelled(values: readonly string[]): Record<string, string> {
    return Object.fromEntries(values.map((value, index) => [this.labels[index]!, value]));
  }
}
