/** Chooses the nodes that a fault hits. */
import type { NodeId } from '@millrace/base';
import type { Victim } from '../scenario/kinds.ts';
import type { FaultContext } from './fault.ts';

export interface Victims {
  readonly nodes: readonly NodeId[];
  /** For example `broker 4, the leader of orders-0`. */
  readonly sentence: string;
}

/** Undefined: no node has this role now, so the fault must be drawn again later. */
export async function victimsOf(victim: Victim, context: FaultContext): Promise<Victims | undefined> {
  const { target, cluster, random, groups } = context;
  const brokers = target.nodes.filter(({ role }) => role === 'broker').map(({ id }) => id);
  switch (victim) {
    case 'all':
      return { nodes: target.nodes.map(({ id }) => id), sentence: 'every node' };
    case 'any': {
      const id = brokers[random.below(brokers.length)]!;
      return { nodes: [id], sentence: `broker ${id}` };
    }
    case 'two-brokers': {
      if (brokers.length < 2) return undefined;
      const first = brokers.splice(random.below(brokers.length), 1)[0]!;
      const second = brokers[random.below(brokers.length)]!;
      return { nodes: [first, second], sentence: `brokers ${first} and ${second}` };
    }
    case 'leader':
      return leader(context);
    case 'follower':
      return follower(context);
    case 'active-controller': {
      const id = cluster.activeController();
      return id === undefined ? undefined : { nodes: [id], sentence: `node ${id}, the active controller` };
    }
    case 'coordinator': {
      const group = groups[random.below(Math.max(1, groups.length))];
      const id = group === undefined ? undefined : await cluster.coordinatorOf(group);
      return id === undefined
        ? undefined
        : { nodes: [id], sentence: `broker ${id}, the coordinator of the group ${group}` };
    }
    case 'leader-and-controller': {
      const found = leader(context);
      const controller = cluster.activeController();
      if (found === undefined || controller === undefined) return undefined;
      return {
        nodes: [...new Set([...found.nodes, controller])],
        sentence: `${found.sentence}, and node ${controller}, the active controller`,
      };
    }
  }
}

interface Place {
  readonly topic: string;
  readonly partition: number;
}

function drawPartition({ topics, random }: FaultContext): Place {
  const all = topics.flatMap(({ name: topic, partitions }) =>
    Array.from({ length: partitions }, (_, partition) => ({ topic, partition })),
  );
  return all[random.below(all.length)]!;
}

function leader(context: FaultContext): Victims | undefined {
  const { topic, partition } = drawPartition(context);
  const id = context.cluster.leaderOf(topic, partition);
  if (id < 0) return undefined;
  return { nodes: [id], sentence: `broker ${id}, the leader of ${topic}-${partition}` };
}

function follower(context: FaultContext): Victims | undefined {
  const { topic, partition } = drawPartition(context);
  const leaderId = context.cluster.leaderOf(topic, partition);
  const others = context.cluster.isrOf(topic, partition).filter((id) => id !== leaderId);
  const id = others[context.random.below(Math.max(1, others.length))];
  if (id === undefined) return undefined;
  return { nodes: [id], sentence: `broker ${id}, a follower of ${topic}-${partition}` };
}
