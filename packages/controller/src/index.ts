export type { ControllerConfig, GroupConfigLimits } from './config.ts';
export { type CommittedRecords, Controller, type ControllerOptions } from './controller.ts';
export { nextState, type PartitionSituation, partitionChange } from './partition-change.ts';
export { type PlaceableBroker, placementProblem, placeReplicas } from './placement.ts';
export type { RequestInfo } from './request-info.ts';
