export * from './admin.ts';
export * from './committer.ts';
export * from './consumer.ts';
export type { ClientEnv } from './env.ts';
export * from './group-member.ts';
export type { Reached } from './member-progress.ts';
export * from './prober.ts';
export * from './probes/index.ts';
export * from './producer.ts';
