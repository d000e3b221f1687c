export * from './cluster.ts';
export * from './node.ts';
