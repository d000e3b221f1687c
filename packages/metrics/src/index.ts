export {
  type CounterName,
  definitionOf,
  type GaugeName,
  type HistogramName,
  type MetricDefinition,
  type MetricName,
  metricsTable,
} from './metrics-table.ts';
export {
  BUCKETS_SECONDS,
  type Counter,
  type Histogram,
  type LabelledValue,
  Metrics,
  NO_LABEL,
} from './registry.ts';
