export * from './config/index.ts';
export {
  type ClusterNode,
  type ClusterOptions,
  type NodeRoleName,
  type RunningCluster,
  startCluster,
} from './start-cluster.ts';
export { StartError } from './start-error.ts';
export { type NodeSeams, type RunningNode, startNode } from './start-node.ts';
