/**
 * The lease of a leader ends, although no other leader replaces it. When enough replicas have a batch, this
 * leader may acknowledge the batch only if it holds a lease again.
 */
import type { Millis } from '@millrace/base';
import type { PartitionPlace, SimNode } from '../../cluster/index.ts';
import { MILLISECOND, type Micros } from '../../world/index.ts';
import { type FaultContext, fault, later } from '../fault.ts';
import { between } from '../links.ts';
import { choice, chosen, whole } from '../parameter.ts';
import { STEPS_US, watch } from './watch.ts';

/** After this time at the latest the leader reaches the controllers again. */
const LASTS_US_MAX: Micros = 6_000 * MILLISECOND;

export const forgottenLeader = fault({
  name: 'forgotten-leader',
  sentence:
    'a leader is cut off from the controllers while another controller becomes active and gives every broker a new session; when the lease of this leader has ended, its followers restart',
  // The fault kills the active controller before this controller ends the leader's session, which lasts at
  // least 1.5 s.
  parameters: { place: choice(), killMs: whole(400, 900), stopMs: whole(100, 700) },
  strike(context, { place: number, killMs, stopMs }) {
    const { cluster } = context;
    const active = cluster.activeController();
    const place = chosen(placesThatNeedTwo(context), number);
    if (active === undefined || place === undefined || cluster.controllers.length < 3) return undefined;
    forget(context, place, { active, killMs, stopMs });
    const says = `${cluster.node(place.image.leader)!.name}, ${active.name} after ${killMs} ms`;
    return { says, touches: cluster.nodes, lastsUs: STEPS_US };
  },
});

/**
 * The partitions that clients write to, whose leader is not on a controller, and whose leader cannot
 * acknowledge alone.
 */
function placesThatNeedTwo({ cluster, operator }: FaultContext) {
  const topics = operator.allTopics();
  return cluster.partitions().filter(({ topic, topicId, partition, image }) => {
    const leader = cluster.node(image.leader);
    if (leader === undefined || leader.isController || !topics.includes(topic)) return false;
    const replica = cluster.replica(leader, topicId, partition);
    return replica !== undefined && image.isr.length > 1 && replica.minIsrEffective > 1;
  });
}

/**
 * Cuts the leader off from the controllers. The cut ends at the first of these events: the fault has asked
 * the followers to stop, and the leader is replaced or is alone in the committed ISR; the leader's process
 * dies; the time is up.
 */
function forget(
  context: FaultContext,
  { topicId, partition, image }: PartitionPlace,
  { active, killMs, stopMs }: { active: SimNode; killMs: Millis; stopMs: Millis },
): void {
  const { cluster, network, world } = context;
  const leader = cluster.node(image.leader)!;
  const { life } = leader;
  const { replicas } = leader.roles!.broker!;
  const followers = image.isr.filter((id) => id !== leader.id).map((id) => cluster.node(id)!);
  const controllers = cluster.controllers.map(({ name }) => name);
  const links = between([leader.name], controllers);
  for (const [from, to] of links) network.cut(from, to);
  const isOver = () => !network.link(leader.name, active.name).isCut;
  later(context, killMs * MILLISECOND, () => {
    if (!isOver()) active.kill('process');
  });
  const untilUs = world.nowUs + LASTS_US_MAX;
  let stopsAtUs: Micros | undefined;
  let areStopped = false;
  watch(context, () => {
    if (!replicas.holdsLease) stopsAtUs ??= world.nowUs + stopMs * MILLISECOND;
    if (!areStopped && stopsAtUs !== undefined && world.nowUs >= stopsAtUs) {
      areStopped = true;
      for (const node of followers) if (node.isUp && !node.isStopping) node.stop();
    }
    const now = cluster.image().partition(topicId, partition);
    const isSettled = now === undefined || now.leader !== leader.id || now.isr.length === 1;
    const goesOn = life?.isAlive === true && !isOver() && world.nowUs < untilUs;
    if (goesOn && !(areStopped && isSettled)) return false;
    for (const [from, to] of links) network.heal(from, to);
    return true;
  });
}
