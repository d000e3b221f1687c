/**
 * What a leader asked of the controllers may arrive after it asked again and was refused. By then it
 * acknowledges without the replica that was to join the ISR, so the copy must not be granted, whoever is
 * eligible when it arrives.
 */
import { AlterPartitionRequest, ControlMethod } from '@millrace/metadata';
import type { PartitionPlace, SimNode } from '../../cluster/index.ts';
import type { CaughtCall } from '../../net/index.ts';
import { MILLISECOND, type Micros } from '../../world/index.ts';
import { type FaultContext, type FaultKind, later, pick } from '../fault.ts';
import { between } from '../links.ts';
import { watch } from './watch.ts';

/** For each step. */
const STEP_US_MAX: Micros = 4_000 * MILLISECOND;
const LOOK_US: Micros = 5 * MILLISECOND;

export const lateCopy: FaultKind = {
  name: 'late-copy',
  sentence:
    "a leader's wish for a follower in its ISR gets lost, and the follower is fenced when the leader repeats it; the lost copy arrives when the follower is back and lags",
  strike(context, random) {
    const { cluster } = context;
    const place = pick(random, cluster.partitions().filter(isPlain(context)));
    if (place === undefined) return undefined;
    const leader = cluster.node(place.image.leader)!;
    const others = place.image.isr.filter((id) => id !== leader.id);
    const member = cluster.node(pick(random, others)!)!;
    new LateCopy(context, place, leader, member).begin();
    return `${member.name} in ${place.topic}-${place.partition}, led by ${leader.name}`;
  },
};

/**
 * Led by somebody else than a controller, with followers that are up, and acknowledging without one of them.
 */
function isPlain({ cluster, operator }: FaultContext) {
  const topics = operator.allTopics();
  return ({ topic, topicId, partition, image }: PartitionPlace): boolean => {
    const leader = cluster.node(image.leader);
    if (leader === undefined || !topics.includes(topic)) return false;
    const replica = cluster.replica(leader, topicId, partition);
    const nodes = image.isr.map((id) => cluster.node(id)!);
    return (
      replica !== undefined &&
      image.isr.length > Math.max(1, replica.minIsrEffective) &&
      nodes.every((node) => node.isUp && !node.isController)
    );
  };
}

class LateCopy {
  private readonly context: FaultContext;
  private readonly place: PartitionPlace;
  private readonly leader: SimNode;
  private readonly member: SimNode;

  constructor(context: FaultContext, place: PartitionPlace, leader: SimNode, member: SimNode) {
    this.context = context;
    this.place = place;
    this.leader = leader;
    this.member = member;
  }

  /** Registered again, the follower is out of the ISR; it catches up, and its leader wants it back. */
  begin(): void {
    const { context, member, leader } = this;
    const { network, world } = context;
    member.kill('process');
    later(context, 10 * MILLISECOND, () => {
      if (!member.isUp) member.start();
    });
    network.caughtCalls.lay({
      from: leader.name,
      method: ControlMethod.alterPartition,
      untilUs: Math.min(context.untilUs, world.nowUs + STEP_US_MAX),
      matches: (body) => this.isTheWish(body),
      // Whatever the fault does, it does in an event of its own.
      caught: (call) => world.after(0, () => this.fenceMember(call)),
    });
  }

  private isTheWish(body: Uint8Array): boolean {
    const { topicId, partition } = this.place;
    return AlterPartitionRequest.decode(body).partitions.some(
      (item) =>
        item.topicId === topicId &&
        item.partition === partition &&
        item.isr.some(({ brokerId }) => brokerId === this.member.id),
    );
  }

  private fenceMember(call: CaughtCall): void {
    const { network, cluster } = this.context;
    for (const { name } of cluster.controllers) network.reset(this.member.name, name);
    this.setLinks('cut');
    this.when(
      () => !cluster.image().isActive(this.member.id),
      () => {
        call.fail();
        this.bringBack(call);
      },
    );
  }

  /** When the leader has been refused, and has committed without the follower. */
  private bringBack(call: CaughtCall): void {
    const { network, cluster } = this.context;
    const { topicId, partition } = this.place;
    const of = (node: SimNode) => cluster.replica(node, topicId, partition);
    this.when(
      () => {
        const replica = of(this.leader);
        const follower = of(this.member);
        if (replica === undefined || follower === undefined || replica.isrState.pending !== undefined)
          return false;
        return replica.highWatermark > follower.log.endOffset;
      },
      () => {
        for (const [from, to] of this.linksToControllers()) network.heal(from, to);
        this.when(
          () => cluster.image().isActive(this.member.id),
          () => {
            call.arrive();
            later(this.context, 300 * MILLISECOND, () => this.setLinks('heal'));
          },
        );
      },
    );
  }

  /** When it is so; if it never is, the fault is over. */
  private when(condition: () => boolean, then: () => void): void {
    const { context, leader, member } = this;
    const { world } = context;
    const untilUs = world.nowUs + STEP_US_MAX;
    watch(
      context,
      () => {
        if (world.nowUs >= untilUs || !member.isUp || !leader.isUp) this.setLinks('heal');
        else if (condition()) then();
        else return false;
        return true;
      },
      LOOK_US,
    );
  }

  private linksToControllers() {
    const { controllers } = this.context.cluster;
    return between(
      [this.member.name],
      controllers.map(({ name }) => name),
    );
  }

  private setLinks(verb: 'cut' | 'heal'): void {
    const { network } = this.context;
    const links = [...this.linksToControllers(), ...between([this.member.name], [this.leader.name])];
    for (const [from, to] of links) network[verb](from, to);
  }
}
