export * from './fake-shard-port.ts';
