export {
  type BrokerConfigEntry,
  type ConfigTypeName,
  DEFAULT_FRONT_END_CONFIG,
  DEFAULT_LIMITS,
  type FrontEndConfig,
  type FrontEndLimits,
} from './config.ts';
export { AlterPartitionSender } from './control/alter-partition-sender.ts';
export { ControllerChannel, type ControllerChannelOptions } from './control/controller-channel.ts';
export { type ControllerAddress, ControllerLocator } from './control/controller-locator.ts';
export { forwardOver } from './control/forwarding.ts';
export {
  BrokerLifecycle,
  type BrokerLifecycleOptions,
  DEFAULT_LIFECYCLE_CONFIG,
  type LifecycleConfig,
  type LifecycleEvents,
} from './control/lifecycle.ts';
export { ProducerIdBlocks, type ProducerIdBlocksOptions } from './control/producer-id-blocks.ts';
export { BrokerFrontEnd, type BrokerFrontEndOptions } from './front-end.ts';
export type {
  Forward,
  ForwardedRequest,
  ForwardedResponse,
  ProducerIdSource,
  ReplicaPort,
} from './handler.ts';
