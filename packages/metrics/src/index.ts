export { BUCKETS_SECONDS, type Counter, type Histogram, Metrics, NO_LABEL } from './metrics.ts';
export {
  type CounterName,
  definitionOf,
  type GaugeName,
  type HistogramName,
  type MetricDefinition,
  type MetricName,
  metricsTable,
} from './table.ts';
