export * from './addresses.ts';
export * from './admin/admin.ts';
export * from './cluster/broker-connections.ts';
export * from './cluster/cluster-view.ts';
export * from './cluster/known-topics.ts';
export * from './connection/broker-connection.ts';
export * from './connection/connection.ts';
export * from './connection/versions.ts';
