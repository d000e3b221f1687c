/**
 * The same metadata may have a new value of min.insync.replicas and a new state of a partition: its leader,
 * leader epoch and ISR. A broker must apply both together. If an old leader applied a lower value first, it
 * would commit records by its old ISR and in its old leader epoch, and the new leader would lack these
 * records.
 */
import type { PartitionPlace, SimNode } from '../../cluster/index.ts';
import { MILLISECOND, type Micros } from '../../world/index.ts';
import { type FaultContext, fault, later } from '../fault.ts';
import { between, type Direction } from '../links.ts';
import { choice, chosen } from '../parameter.ts';
import { plainPartitions } from './plain-partitions.ts';
import { STEPS_US, watch } from './watch.ts';

/** Time limit for all steps. */
const LIMIT_US: Micros = 10_000 * MILLISECOND;
const LOOK_US: Micros = 5 * MILLISECOND;
const NAME = 'min.insync.replicas';

export const loweredMinIsr = fault({
  name: 'lowered-min-isr',
  sentence:
    'a leader alone in its ISR loses its connections to the controllers; they elect a follower from the ELR, and an administrator lowers min.insync.replicas; the old leader learns both at once',
  parameters: { place: choice(), heir: choice() },
  strike(context, choices) {
    // Only partitions whose leader cannot commit alone.
    const places = plainPartitions(context, (leader, isrSize) => leader.minIsrEffective > 1 && isrSize > 1);
    const place = chosen(places, choices.place);
    if (place === undefined) return undefined;
    const { leader: leaderId, isr } = place.image;
    const leader = context.cluster.node(leaderId)!;
    const heirId = chosen(
      isr.filter((id) => id !== leaderId),
      choices.heir,
    )!;
    const heir = context.cluster.node(heirId)!;
    new LoweredMinIsr(context, place, leader, heir).begin();
    const says = `${place.topic}-${place.partition}, led by ${leader.name}, then by ${heir.name}`;
    return { says, touches: context.cluster.nodes, lastsUs: STEPS_US };
  },
});

class LoweredMinIsr {
  private readonly context: FaultContext;
  private readonly place: PartitionPlace;
  private readonly leader: SimNode;
  private readonly heir: SimNode;
  private readonly untilUs: Micros;

  constructor(context: FaultContext, place: PartitionPlace, leader: SimNode, heir: SimNode) {
    this.context = context;
    this.place = place;
    this.leader = leader;
    this.heir = heir;
    this.untilUs = context.world.nowUs + LIMIT_US;
  }

  /**
   * Cuts off the followers. Waits until the leader is alone in the ISR and has records that it cannot commit.
   */
  begin(): void {
    const { heir } = this;
    this.set('cut', this.toControllers(this.followers()));
    this.set('cut', this.toLeader());
    this.when(
      () => this.hasUncommitted() && this.image()?.isr.length === 1 && this.image()?.elr.includes(heir.id),
      () => this.bringBack(),
    );
  }

  /**
   * Lets the heir (the follower that will replace the leader) become active. The heir still cannot reach the
   * leader.
   */
  private bringBack(): void {
    const { cluster, network } = this.context;
    this.set('heal', this.toControllers([this.heir]));
    this.when(
      () => cluster.image().isActive(this.heir.id),
      () => {
        this.set('cut', this.toControllers([this.leader]));
        for (const { name } of cluster.controllers) network.reset(this.leader.name, name);
        this.replace();
      },
    );
  }

  /** Lets the leader reach the controllers again when they have both the new leader and the new value. */
  private replace(): void {
    const { cluster, operator } = this.context;
    const { topic } = this.place;
    const resource = { type: 'topic', name: topic } as const;
    const value = () => cluster.image().topicConfig(topic).get(NAME);
    this.when(
      () => this.image()?.leader === this.heir.id,
      () => {
        const before = value();
        operator.alterConfig(resource, NAME, '1');
        this.when(
          () => value() === '1',
          () => {
            this.set('heal', this.toControllers([this.leader]));
            later(this.context, 1_000 * MILLISECOND, () => {
              this.healAll();
              operator.alterConfig(resource, NAME, before);
            });
          },
        );
      },
    );
  }

  private image() {
    const { topicId, partition } = this.place;
    return this.context.cluster.image().partition(topicId, partition);
  }

  private hasUncommitted(): boolean {
    const { topicId, partition } = this.place;
    const replica = this.context.cluster.replica(this.leader, topicId, partition);
    return replica !== undefined && replica.highWatermark < replica.log.endOffset;
  }

  /** Calls `then` when the condition holds. Ends the fault if time is up, or the leader or the heir dies. */
  private when(condition: () => boolean | undefined, then: () => void): void {
    const { context, leader, heir, untilUs } = this;
    watch(
      context,
      () => {
        if (context.world.nowUs >= untilUs || !heir.isUp || !leader.isUp) this.healAll();
        else if (condition() === true) then();
        else return false;
        return true;
      },
      LOOK_US,
    );
  }

  private followers(): SimNode[] {
    const { cluster } = this.context;
    return this.place.image.replicas.filter((id) => id !== this.leader.id).map((id) => cluster.node(id)!);
  }

  private toControllers(nodes: readonly SimNode[]): Direction[] {
    const { controllers } = this.context.cluster;
    return between(namesOf(nodes), namesOf(controllers));
  }

  private toLeader(): Direction[] {
    return between(namesOf(this.followers()), [this.leader.name]);
  }

  private healAll(): void {
    this.set('heal', this.toControllers([this.leader, ...this.followers()]));
    this.set('heal', this.toLeader());
  }

  private set(verb: 'cut' | 'heal', links: readonly Direction[]): void {
    for (const [from, to] of links) this.context.network[verb](from, to);
  }
}

function namesOf(nodes: readonly SimNode[]): string[] {
  return nodes.map(({ name }) => name);
}
