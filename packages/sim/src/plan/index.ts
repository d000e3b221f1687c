export { planOf } from './draw.ts';
export * from './lesser.ts';
export { scenarioOf, withLesserScenario } from './overrides.ts';
export * from './plan.ts';
export { planText } from './print.ts';
export { PlanError, planFrom } from './read.ts';
export { isKeyed, type Scenario, type TopicPlan } from './scenario.ts';
