/**
 * Faults of several steps that wait for their moment: each makes a state that chance would reach once in many thousand seeds.
 * What a step leaves behind when the faults end is healed like everything else (run/peace.ts).
 */
import type { Millis, NodeId, Prng } from '@millrace/base';
import type { PartitionPlace, SimNode } from '../cluster/index.ts';
import { MILLISECOND, type Micros } from '../world/index.ts';
import { type FaultContext, type FaultKind, pick } from './fault.ts';
import { between, cutFor } from './links.ts';

const LOOK_US: Micros = 20 * MILLISECOND;
/** Whatever comes of it, a forgotten leader reaches the controllers again by then. */
const FORGOTTEN_US_MAX: Micros = 6_000 * MILLISECOND;

export const aimedFaults: readonly FaultKind[] = [
  {
    name: 'crash-in-vote',
    sentence:
      'the active controller dies, then another one while its vote is on the way to the device; that one comes back when the one it voted for is cut off',
    strike(context, random) {
      const { controllers } = context.cluster;
      const active = context.cluster.activeController();
      if (active === undefined || controllers.length === 1) return undefined;
      let hasStruck = false;
      for (const node of controllers)
        node.disk.crashInVote((votedFor) => {
          if (hasStruck || votedFor === node.id) return false;
          hasStruck = true;
          partAfterVote(context, random, node, votedFor);
          return true;
        });
      active.kill('process');
      return `${active.name}, and whoever votes next for another`;
    },
  },
  {
    name: 'forgotten-leader',
    sentence:
      'a leader is cut off from the controllers while another of them becomes active and gives every broker a new session; its followers are restarted when it has no lease any more',
    strike(context, random) {
      const { cluster } = context;
      const active = cluster.activeController();
      const place = pick(random, placesThatNeedTwo(context));
      if (active === undefined || place === undefined || cluster.controllers.length < 3) return undefined;
      // Before the active one ends the session, which is 1.5 s at least.
      const killMs = 400 + random.below(500);
      const stopMs = 100 + random.below(600);
      forget(context, place, { active, killMs, stopMs });
      return `${cluster.node(place.image.leader)!.name}, ${active.name} after ${killMs} ms`;
    },
  },
];

/** Time enough for a vote to arrive that was told too early; then whoever it elected is alone, and the voter is asked again. */
function partAfterVote(context: FaultContext, random: Prng, voter: SimNode, votedFor: NodeId): void {
  const { world, cluster } = context;
  const candidate = cluster.node(votedFor)!.name;
  const others = cluster.controllers.map(({ name }) => name).filter((name) => name !== candidate);
  const partMs = 20 + random.below(100);
  world.after(partMs * MILLISECOND, () => cutFor(context, random, between([candidate], others)));
  world.after((partMs + 10 + random.below(300)) * MILLISECOND, () => {
    if (!voter.isUp) voter.start();
  });
}

/** Partitions that clients write to, with a leader that may not acknowledge alone. */
function placesThatNeedTwo({ cluster, operator }: FaultContext) {
  const topics = operator.allTopics();
  return cluster.partitions().filter(({ topic, topicId, partition, image }) => {
    const leader = cluster.node(image.leader);
    if (leader === undefined || leader.isController || !topics.includes(topic)) return false;
    const replica = cluster.replica(leader, topicId, partition);
    return replica !== undefined && image.isr.length > 1 && replica.minIsrEffective > 1;
  });
}

/** Looks again and again at how far it has come, until the smaller ISR is decided, the leader is dead or the time is up. */
function forget(
  { cluster, network, world }: FaultContext,
  { topicId, partition, image }: PartitionPlace,
  { active, killMs, stopMs }: { active: SimNode; killMs: Millis; stopMs: Millis },
): void {
  const leader = cluster.node(image.leader)!;
  const { life } = leader;
  const { replicas } = leader.roles!.broker!;
  const followers = image.isr.filter((id) => id !== leader.id).map((id) => cluster.node(id)!);
  const controllers = cluster.controllers.map(({ name }) => name);
  const links = between([leader.name], controllers);
  for (const [from, to] of links) network.cut(from, to);
  const isOver = () => !network.link(leader.name, active.name).isCut;
  world.after(killMs * MILLISECOND, () => {
    if (!isOver()) active.kill('process');
  });
  const untilUs = world.nowUs + FORGOTTEN_US_MAX;
  let stopsAtUs: Micros | undefined;
  let areStopped = false;
  const look = (): void => {
    if (isOver()) return;
    if (!replicas.holdsLease) stopsAtUs ??= world.nowUs + stopMs * MILLISECOND;
    if (!areStopped && stopsAtUs !== undefined && world.nowUs >= stopsAtUs) {
      areStopped = true;
      for (const node of followers) if (node.isUp && !node.isStopping) node.stop();
    }
    const now = cluster.image().partition(topicId, partition);
    const isSettled = now === undefined || now.leader !== leader.id || now.isr.length === 1;
    if ((areStopped && isSettled) || life?.isAlive !== true || world.nowUs >= untilUs)
      for (const [from, to] of links) network.heal(from, to);
    else world.after(LOOK_US, look);
  };
  world.after(LOOK_US, look);
}
