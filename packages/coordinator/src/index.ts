export { ClassicGroup } from './classic/index.ts';
export type * from './client-facts.ts';
export type * from './config.ts';
export type { ConsumerGroup } from './consumer/group.ts';
export { gather } from './groups/gather.ts';
export { GroupCoordinator, OFFSETS_TOPIC } from './groups/group-coordinator.ts';
export type { GroupMachine } from './groups/group-machine.ts';
export {
  type GroupPosition,
  type GroupPositions,
  groupPositions,
} from './groups/group-positions.ts';
export type { Group } from './groups/group-table.ts';
export { type GroupHoldings, holdingsOfGroups } from './groups/holdings.ts';
export type * from './groups/requests.ts';
export type { CommitTopics, DeleteTopics, FetchTopics } from './offsets/committed-offsets.ts';
export { CoordinatorMetrics } from './runtime/coordinator-metrics.ts';
export { keyPartition } from './runtime/key-partition.ts';
