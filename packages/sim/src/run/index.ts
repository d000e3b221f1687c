export type { PlannedFault, StruckFault } from './plan.ts';
export * from './run.ts';
export type { Scenario } from './scenario.ts';
