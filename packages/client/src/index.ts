export * from './addresses.ts';
export * from './admin/admin.ts';
export * from './admin/describe.ts';
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
export {
  type CommittedOffset,
  type MemberIdentity,
  NO_MEMBER,
  type PartitionError,
export * from './produce/produce-errors.ts';
export * from './produce/producer.ts';
export * from './produce/producer-identity.ts';
