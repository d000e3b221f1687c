/** What a fault may use, and what it gives back. */
import type { NodeId, Random } from '@millrace/base';
import type { TopicPlan } from '../scenario/types.ts';
import type { ChaosTarget } from '../target/target.ts';

/** What the cluster says about itself now. */
export interface FaultCluster {
  /** -1: the partition has no leader, or nobody knows. */
  leaderOf(topic: string, partition: number): NodeId;
  isrOf(topic: string, partition: number): readonly NodeId[];
  /** Undefined: nobody knows. */
  activeController(): NodeId | undefined;
  /** Undefined: the group has no coordinator, or nobody answers. */
  coordinatorOf(group: string): Promise<NodeId | undefined>;
}

export interface FaultContext {
  readonly target: ChaosTarget;
  readonly cluster: FaultCluster;
  readonly random: Random;
  readonly topics: readonly TopicPlan[];
  /** The names of the scenario's groups. */
  readonly groups: readonly string[];
}

/** A fault that lasts until `heal`. */
export interface ActiveFault {
  /** What happened, with the actor first. */
  readonly sentence: string;
  readonly nodes: readonly NodeId[];
  /** Undoes the fault. May be called twice, and after it failed halfway. */
  heal(): Promise<void>;
}
