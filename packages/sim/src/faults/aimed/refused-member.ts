/**
 * A leader may ask to add a replica to the ISR, and the replica's process may die before this AlterPartition
 * arrives. The controller must not add the dead replica (KIP-841).
 */
import type { PartitionPlace, SimNode } from '../../cluster/index.ts';
import { MILLISECOND, type Micros } from '../../world/index.ts';
import { type FaultContext, fault, later } from '../fault.ts';
import { choice, chosen } from '../parameter.ts';
import { STEPS_US, watch } from './watch.ts';

/** Time limit for the follower to come back and leave the ISR. */
const COMES_BACK_US_MAX: Micros = 3_000 * MILLISECOND;
/** The cut ends before the leader's session ends. The session lasts at least 1.5 s. */
const CUT_US_MAX: Micros = 1_300 * MILLISECOND;
/**
 * Interval between looks. It is short, because a state that this fault waits for may last only until the next
 * message or two.
 */
const LOOK_US: Micros = MILLISECOND;

export const refusedMember = fault({
  name: 'refused-member',
  sentence:
    "a follower is killed, comes back and catches up; the follower is killed again while the leader's request to add it to the ISR is on the way to the controllers",
  parameters: { place: choice(), member: choice() },
  strike(context, choices) {
    const { cluster } = context;
    const place = chosen(cluster.partitions().filter(isPlain(context)), choices.place);
    if (place === undefined) return undefined;
    const leader = cluster.node(place.image.leader)!;
    const others = place.image.isr.filter((id) => id !== leader.id);
    const member = cluster.node(chosen(others, choices.member)!)!;
    member.kill('process');
    later(context, 10 * MILLISECOND, () => member.startIfDown());
    cutWhenRegistered(context, place, leader, member);
    const says = `${member.name} in ${place.topic}-${place.partition}, led by ${leader.name}`;
    return { says, touches: cluster.nodes, lastsUs: STEPS_US };
  },
});

/** Accepts partitions whose leader is not a controller, and which have followers in the ISR that all run. */
function isPlain({ cluster }: FaultContext) {
  return ({ image }: PartitionPlace): boolean => {
    const leader = cluster.node(image.leader);
    const others = image.isr.filter((id) => id !== image.leader);
    return (
      leader !== undefined &&
      !leader.isController &&
      others.length > 0 &&
      others.every((id) => cluster.node(id)!.isUp)
    );
  };
}

/**
 * Waits until the follower runs again and is out of the ISR. Then cuts the links from the leader to the
 * controllers.
 */
function cutWhenRegistered(
  context: FaultContext,
  place: PartitionPlace,
  leader: SimNode,
  member: SimNode,
): void {
  const { cluster, network, world } = context;
  const untilUs = world.nowUs + COMES_BACK_US_MAX;
  const isInIsr = () => cluster.image().partition(place.topicId, place.partition)?.isr.includes(member.id);
  watch(
    context,
    () => {
      if (world.nowUs >= untilUs) return true;
      if (!member.isUp || isInIsr() !== false) return false;
      for (const { name } of cluster.controllers) network.cut(leader.name, name);
      killWhenProposed(context, place, leader, member);
      return true;
    },
    LOOK_US,
  );
}

function killWhenProposed(
  context: FaultContext,
  { topicId, partition }: PartitionPlace,
  leader: SimNode,
  member: SimNode,
): void {
  const { cluster, network, world } = context;
  const untilUs = world.nowUs + CUT_US_MAX;
  let isKilled = false;
  watch(
    context,
    () => {
      const pending = cluster.replica(leader, topicId, partition)?.isrState.pending;
      if (!isKilled && pending?.kind === 'expand') {
        isKilled = true;
        member.kill('process');
      }
      const isFenced = isKilled && !cluster.image().isActive(member.id);
      if (!isFenced && world.nowUs < untilUs) return false;
      for (const { name } of cluster.controllers) network.heal(leader.name, name);
      return true;
    },
    LOOK_US,
  );
}
