export * from './grpc.ts';
