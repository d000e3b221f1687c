export type * from './client-facts.ts';
export type * from './config.ts';
export { CoordinatorMetrics } from './runtime/coordinator-metrics.ts';
export {
  CoordinatorRuntime,
  type CoordinatorRuntimeOptions,
  type LiveMachines,
} from './runtime/coordinator-runtime.ts';
export { keyPartition } from './runtime/key-partition.ts';
export type * from './runtime/machine.ts';
export type { LedPartitions } from './runtime/ports.ts';
export type { ShardLimits } from './runtime/shard.ts';
