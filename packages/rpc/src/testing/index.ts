export * from './memory-rpc.ts';
