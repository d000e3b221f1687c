export * from './kafka-client.ts';
export * from './kafka-cluster.ts';
