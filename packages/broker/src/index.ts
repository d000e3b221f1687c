export type {
  BrokerConfigEntry,
  ConfigTypeName,
  FrontEndConfig,
  FrontEndLimits,
} from './config.ts';
export { AlterPartitionSender } from './control/alter-partition-sender.ts';
export { ControllerChannel, type ControllerChannelOptions } from './control/controller-channel.ts';
export { type ControllerAddress, ControllerLocator } from './control/controller-locator.ts';
export { forwardOver } from './control/forwarding.ts';
export {
  BrokerLifecycle,
  type BrokerLifecycleOptions,
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
export { GroupLag } from './lag/group-lag.ts';
