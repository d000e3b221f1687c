/** A node over the seams. A host runs it on its own clock, disk and network, real or simulated. */
export { brokerOptions } from './broker-config.ts';
export { type BrokerHoldings, BrokerRole, type BrokerRoleEvents } from './broker-role.ts';
export { controllerOptions } from './controller-config.ts';
export { ControllerRole, type ControllerRoleEvents } from './controller-role.ts';
export { NodeRole, type NodeRoleEvents } from './node-role.ts';
