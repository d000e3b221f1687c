export type { CleanerConfig, ReplicationConfig } from './config.ts';
export type { CoordinatorPort, OwnAppend, PartitionBounds } from './coordinator-port.ts';
export type { LeadershipListener } from './leadership-feed.ts';
export type { Partition } from './partition/partition.ts';
export type { PartitionName } from './partition/ports.ts';
export { holdingsOf, type ReplicaHoldings } from './replica-holdings.ts';
export { ReplicaManager, type ReplicaManagerOptions } from './replica-manager.ts';
export type { ReadWanted } from './serving/sliced-read.ts';
export type * from './types.ts';
