export * from './admin.ts';
export * from './consumer.ts';
export type { ClientEnv } from './env.ts';
export * from './producer.ts';
