/**
 * A broker that was away returns with the folders of a deleted topic. By then another topic has the name of
 * the deleted one. The broker must not serve the old records, and must not count them as records of the new
 * topic.
 */
import type { PartitionPlace, SimNode } from '../../cluster/index.ts';
import { MILLISECOND, type Micros } from '../../world/index.ts';
import { type FaultContext, fault, later } from '../fault.ts';
import { choice, chosen, oneOf, whole } from '../parameter.ts';
import { STEPS_US, watch } from './watch.ts';

/**
 * The broker returns at the latest after this time, even if the new topic does not exist yet. As in Kafka,
 * the controllers place no replica on a broker that was stopped. So they can create a topic with a replica on
 * every broker only after the stopped broker has returned.
 */
const CREATED_US_MAX: Micros = 1_000 * MILLISECOND;
/** Time limit for a clean stop. */
const STOPS_US_MAX: Micros = 4_000 * MILLISECOND;

export const reusedName = fault({
  name: 'reused-name',
  sentence:
    'a broker is stopped, killed or loses power; before it returns, a topic with a replica on this broker is deleted and created again, perhaps with another number of partitions; afterwards a broker may lose power',
  parameters: {
    place: choice(),
    member: choice(),
    how: oneOf('stop', 'kill', 'power'),
    /** 0: as many partitions as before. */
    partitions: oneOf(0, 0, 0, 1, 3),
    /** Time from the creation until the broker returns. */
    returnMs: whole(0, 400),
    /** Time from the creation until a broker loses power; 0 if no broker loses power. */
    powerLossMs: oneOf(0, 0, 1, 20, 200, 900),
    loser: choice(),
  },
  strike(context, values) {
    const place = chosen(places(context, values.how), values.place);
    if (place === undefined) return undefined;
    const members = membersOf(context, place, values.how);
    const member = chosen(members, values.member)!;
    begin(context, place.topic, member, values);
    const says = `${member.name} (${values.how}) holds ${place.topic}`;
    return { says, touches: context.cluster.nodes, lastsUs: STEPS_US };
  },
});

type How = 'stop' | 'kill' | 'power';

interface Steps {
  readonly how: How;
  readonly partitions: number;
  readonly returnMs: number;
  readonly powerLossMs: number;
  readonly loser: number;
}

/**
 * The partitions to choose from. Prefers those with a replica on every broker, because then the new topic has
 * a replica on the returning broker, too.
 */
function places(context: FaultContext, how: How): PartitionPlace[] {
  const { cluster, operator } = context;
  const names = operator.reusableTopics();
  const all = cluster
    .partitions()
    .filter((place) => names.includes(place.topic) && membersOf(context, place, how).length > 0);
  const everywhere = all.filter(({ image }) => image.replicas.length === cluster.brokers.length);
  return everywhere.length > 0 ? everywhere : all;
}

/**
 * The brokers that have a replica of the partition and whose processes the fault may end. A controller is
 * among them only if the other controllers can change topics without it.
 */
function membersOf({ cluster, atlas }: FaultContext, { image }: PartitionPlace, how: How): SimNode[] {
  return image.replicas
    .map((id) => cluster.node(id)!)
    .filter((node) => node.isUp && !node.isStopping && !node.isHeldDown)
    .filter((node) => !node.isController || cluster.controllers.length > 2)
    .filter((node) => how !== 'power' || atlas.mayLosePower(node));
}

function begin(context: FaultContext, topic: string, member: SimNode, steps: Steps): void {
  const { operator, world } = context;
  member.isHeldDown = true;
  if (steps.how === 'stop') member.stop();
  else if (steps.how === 'kill') member.kill('process');
  else losePower(context, member);
  const untilUs = world.nowUs + STOPS_US_MAX;
  watch(
    context,
    () => {
      if (member.isUp && world.nowUs < untilUs) return false;
      if (!operator.reusableTopics().includes(topic)) {
        bringBack(member);
        return true;
      }
      operator.recreateTopic(topic, steps.partitions, () => created(context, topic, member, steps));
      later(context, CREATED_US_MAX, () => bringBack(member));
      return true;
    },
    MILLISECOND,
  );
}

function created(
  context: FaultContext,
  topic: string,
  member: SimNode,
  { returnMs, powerLossMs, loser }: Steps,
): void {
  const { cluster, atlas } = context;
  later(context, returnMs * MILLISECOND, () => bringBack(member));
  if (powerLossMs === 0) return;
  later(context, powerLossMs * MILLISECOND, () => {
    const holders = new Set(
      cluster.partitions().flatMap((place) => (place.topic === topic ? place.image.replicas : [])),
    );
    const able = cluster.brokers.filter(
      (node) => holders.has(node.id) && node.isUp && atlas.mayLosePower(node),
    );
    const node = chosen(able, loser);
    if (node !== undefined) losePower(context, node);
  });
}

function losePower({ atlas }: FaultContext, node: SimNode): void {
  atlas.noteHarm(node, { disk: false });
  node.kill('power');
}

function bringBack(node: SimNode): void {
  node.isHeldDown = false;
  node.startIfDown();
}
