export { defaultReplicationConfig, type ReplicationConfig } from './config.ts';
export type { Partition } from './partition/partition.ts';
export { ReplicaManager, type ReplicaManagerOptions } from './replica-manager.ts';
export type * from './types.ts';
