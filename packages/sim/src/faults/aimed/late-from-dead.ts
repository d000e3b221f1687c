/**
 * A broker's AlterPartition may arrive after the broker's process has died and the next process of the broker
 * has registered. The request has the broker epoch of the dead process, so the controller refuses it.
 */
import { controlCalls } from '@millrace/control';
import type { PartitionPlace, SimNode } from '../../cluster/index.ts';
import type { CaughtCall } from '../../net/index.ts';
import { MILLISECOND, type Micros } from '../../world/index.ts';
import { type FaultContext, fault, later } from '../fault.ts';
import { choice, chosen } from '../parameter.ts';
import { STEPS_US, watch } from './watch.ts';

/** Time limit for each step. */
const STEP_US_MAX: Micros = 6_000 * MILLISECOND;
const RESTART_US: Micros = 10 * MILLISECOND;

export const lateFromDead = fault({
  name: 'late-from-dead',
  sentence:
    "a leader asks to add a follower to its ISR and dies while the request is on its way; the request arrives when the leader's broker has registered again",
  parameters: { place: choice(), member: choice() },
  strike(context, choices) {
    const { cluster } = context;
    const place = chosen(cluster.partitions().filter(isPlain(context)), choices.place);
    if (place === undefined) return undefined;
    const leader = cluster.node(place.image.leader)!;
    const others = place.image.isr.filter((id) => id !== leader.id);
    const member = cluster.node(chosen(others, choices.member)!)!;
    begin(context, leader, member);
    const says = `${leader.name}, which leads ${place.topic}-${place.partition} with ${member.name} in its ISR`;
    return { says, touches: cluster.nodes, lastsUs: STEPS_US };
  },
});

/** Accepts partitions with several members in the ISR, all of which run and none of which is a controller. */
function isPlain({ cluster }: FaultContext) {
  return ({ image }: PartitionPlace): boolean => {
    const nodes = image.isr.map((id) => cluster.node(id)!);
    return (
      cluster.node(image.leader) !== undefined &&
      image.isr.length > 1 &&
      nodes.every((node) => node.isUp && !node.isController)
    );
  };
}

/**
 * Restarts the follower, so it leaves the ISR. When it has caught up, its leader asks to add it. The fault
 * catches the next AlterPartition of the leader, which most often is this request.
 */
function begin(context: FaultContext, leader: SimNode, member: SimNode): void {
  const { network, world } = context;
  restart(context, member);
  network.caughtCalls.lay({
    from: leader.name,
    method: controlCalls.alterPartition.name,
    untilUs: Math.min(context.untilUs, world.nowUs + STEP_US_MAX),
    matches: () => true,
    // The caller's turn is still running, so the fault acts in a later event.
    caught: (call) => world.after(0, () => outlive(context, leader, call)),
  });
}

function outlive(context: FaultContext, leader: SimNode, call: CaughtCall): void {
  const { cluster, world } = context;
  const before = cluster.image().broker(leader.id)?.epoch;
  call.fail();
  restart(context, leader);
  const untilUs = world.nowUs + STEP_US_MAX;
  watch(context, () => {
    if (world.nowUs >= untilUs) return true;
    if (cluster.image().broker(leader.id)?.epoch === before) return false;
    call.arrive();
    return true;
  });
}

function restart(context: FaultContext, node: SimNode): void {
  node.kill('process');
  later(context, RESTART_US, () => node.startIfDown());
}
