/**
 * The metrics of one node. Counters and histograms are numbers in memory, which change with each event. A
 * gauge is a function that only a scrape calls. This file does not depend on Prometheus; `io/` writes
 * Prometheus's text format.
 */
import {
  type CounterName,
  definitionOf,
  type GaugeName,
  type HistogramName,
  type LabelsOf,
  type MetricName,
} from './metrics-table.ts';

export interface Counter<Labels extends readonly string[]> {
  add(amount: number, ...label: Labels): void;
}

export interface Histogram<Labels extends readonly string[]> {
  /** Adds one observation. `durationMs`: the difference between two readings of the clock. */
  observeMs(durationMs: number, ...label: Labels): void;
}

/** One value of a gauge with several labels. */
export interface LabelledValue<Labels extends readonly string[] = readonly string[]> {
  readonly labels: Labels;
  readonly value: number;
}

/**
 * What a gauge shows at a scrape. If it has no label: its value, or undefined if it has none now. If it has
 * one label: for each value of the label, the gauge's value. If it has several labels: a list of its values
 * with their labels.
 */
export type GaugeReading<Labels extends readonly string[]> = Labels extends readonly []
  ? number | undefined
  : Labels extends readonly [string]
    ? ReadonlyMap<string, number>
    : readonly LabelledValue<Labels>[];

/** The upper bounds of a histogram's buckets in seconds, without the last bucket (+Inf). */
export const BUCKETS_SECONDS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
];

export interface HistogramState {
  /** Number of observations in each bucket, not cumulative. Has one element more than BUCKETS_SECONDS. */
  readonly counts: readonly number[];
  readonly sumSeconds: number;
  readonly count: number;
}

/** The key of the value of a metric without a label. */
export const NO_LABEL = '';

export class Metrics {
  private readonly counters = new Map<MetricName, Map<string, number>>();
  private readonly histograms = new Map<MetricName, Map<string, BucketCounts>>();
  private readonly gauges = new Map<MetricName, () => AnyReading>();
  private readonly preparations = new Map<GaugeName, (done: () => void) => void>();

  /** All counters of one name share their values. */
  counter<Name extends CounterName>(name: Name): Counter<LabelsOf<Name>> {
    const values =
      this.counters.get(name) ?? new Map<string, number>(isLabelled(name) ? [] : [[NO_LABEL, 0]]);
    this.counters.set(name, values);
    return {
      add: (amount, ...[label = NO_LABEL]: readonly string[]) => {
        values.set(label, (values.get(label) ?? 0) + amount);
      },
    };
  }

  histogram<Name extends HistogramName>(name: Name): Histogram<LabelsOf<Name>> {
    const byLabel = this.histograms.get(name) ?? new Map<string, BucketCounts>();
    if (!isLabelled(name) && byLabel.size === 0) byLabel.set(NO_LABEL, new BucketCounts());
    this.histograms.set(name, byLabel);
    return {
      observeMs: (durationMs, ...[label = NO_LABEL]: readonly string[]) => {
        const buckets = byLabel.get(label) ?? new BucketCounts();
        if (buckets.count === 0) byLabel.set(label, buckets);
        buckets.observe(durationMs / 1000);
      },
    };
  }

  /** Calls `read` at each scrape. A later `gauge` of the same name replaces an earlier one. */
  gauge<Name extends GaugeName>(name: Name, read: () => GaugeReading<LabelsOf<Name>>): void {
    this.gauges.set(name, read);
  }

  /**
   * For gauges whose values the node must gather first, for example from other brokers. Each scrape calls
   * `prepare`, and reads the gauges after `prepare` has called `done`. `prepare` must call `done` within some
   * seconds, because Prometheus does not wait longer. `name`: the name of one of the gauges. A later
   * `beforeScrape` of the same name replaces an earlier one.
   */
  beforeScrape(name: GaugeName, prepare: (done: () => void) => void): void {
    this.preparations.set(name, prepare);
  }

  // ---- called by the code that writes the text format

  /** Calls `done` when every gauge can be read. */
  prepare(done: () => void): void {
    let open = this.preparations.size;
    if (open === 0) done();
    for (const prepare of this.preparations.values())
      prepare(() => {
        if (--open === 0) done();
      });
  }

  /** The values of a counter or gauge; undefined if it has none on this node. */
  values(name: MetricName): readonly LabelledValue[] | undefined {
    const reading = this.counters.get(name) ?? this.gauges.get(name)?.();
    if (reading === undefined) return undefined;
    if (typeof reading === 'number') return [{ labels: [], value: reading }];
    if (!(reading instanceof Map)) return reading as readonly LabelledValue[];
    return Array.from(reading, ([label, value]) => ({ labels: label === NO_LABEL ? [] : [label], value }));
  }

  buckets(name: MetricName): ReadonlyMap<string, HistogramState> | undefined {
    return this.histograms.get(name);
  }
}

type AnyReading = number | undefined | ReadonlyMap<string, number> | readonly LabelledValue[];

function isLabelled(name: MetricName): boolean {
  return definitionOf(name)?.label !== undefined;
}

class BucketCounts implements HistogramState {
  readonly counts: number[] = new Array<number>(BUCKETS_SECONDS.length + 1).fill(0);
  sumSeconds = 0;
  count = 0;

  observe(seconds: number): void {
    let index = 0;
    while (index < BUCKETS_SECONDS.length && seconds > BUCKETS_SECONDS[index]!) index++;
    this.counts[index]!++;
    this.sumSeconds += seconds;
    this.count++;
  }
}
