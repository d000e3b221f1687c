export * from './addresses.ts';
export * from './admin/admin.ts';
export * from './admin/config-requests.ts';
export * from './admin/describe.ts';
export * from './admin/each-broker.ts';
export * from './admin/group-admin.ts';
export * from './admin/group-descriptions.ts';
export * from './admin/leader-call.ts';
export * from './admin/log-dirs.ts';
export * from './admin/offset-lookup.ts';
export * from './admin/record-deletion.ts';
export * from './admin/requests.ts';
export * from './cluster/broker-connections.ts';
export * from './cluster/cluster-view.ts';
export * from './cluster/known-topics.ts';
export * from './connection/broker-connection.ts';
export * from './connection/connection.ts';
export * from './connection/versions.ts';
export * from './fetch/consumer.ts';
export * from './fetch/fetch-errors.ts';
export * from './fetch/position.ts';
export type { AssignorName } from './groups/assignors/index.ts';
export * from './groups/consumer-member.ts';
export * from './groups/coordinator-call.ts';
export * from './groups/group-consumer.ts';
export * from './groups/group-coordinator.ts';
export * from './groups/group-errors.ts';
export * from './groups/group-offsets.ts';
export {
  type CommittedOffset,
  type MemberIdentity,
  NO_MEMBER,
  type PartitionError,
} from './groups/offset-requests.ts';
export * from './groups/topic-partitions.ts';
export * from './produce/produce-errors.ts';
export * from './produce/producer.ts';
export * from './produce/producer-identity.ts';
