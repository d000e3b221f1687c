export * from './cluster.ts';
export * from './node.ts';
export * from './topic-ids.ts';
