export type { StruckFault } from './incident.ts';
export * from './run.ts';
