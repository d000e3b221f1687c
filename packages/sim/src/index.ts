export { checkerKinds, type StateChecker, type StateCheckerKind, type StateScope } from './checkers/index.ts';
export {
  type CoverageArea,
  type CoverageItem,
  coverageOf,
  type Exemption,
  errorAreas,
  missingCoverage,
  timesReached,
} from './coverage/index.ts';
export { type FaultKind, faultKinds } from './faults/index.ts';
export * from './plan/index.ts';
export * from './report/index.ts';
export * from './run/index.ts';
export * from './shrink.ts';
export { Story, type StoryLine } from './world/index.ts';
