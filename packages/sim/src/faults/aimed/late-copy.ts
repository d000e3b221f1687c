/**
 * A leader's AlterPartition may arrive after the controller has refused the retry of this request. After the
 * refusal the leader acknowledges without the replica that should have joined the ISR. So the controller must
 * not grant the late copy, even if the replica is eligible when the copy arrives.
 */
import { controlCalls } from '@millrace/control';
import type { PartitionPlace, SimNode } from '../../cluster/index.ts';
import type { CaughtCall } from '../../net/index.ts';
import { MILLISECOND, type Micros } from '../../world/index.ts';
import { type FaultContext, fault, later } from '../fault.ts';
import { between } from '../links.ts';
import { choice, chosen } from '../parameter.ts';
import { plainPartitions } from './plain-partitions.ts';
import { STEPS_US, watch } from './watch.ts';

/** Time limit for each step. */
const STEP_US_MAX: Micros = 4_000 * MILLISECOND;
const LOOK_US: Micros = 5 * MILLISECOND;

export const lateCopy = fault({
  name: 'late-copy',
  sentence:
    "a leader's request to add a follower to its ISR gets lost; the controller fences the follower when the leader retries; the lost copy arrives when the follower is back and lags",
  parameters: { place: choice(), member: choice() },
  strike(context, choices) {
    const { cluster } = context;
    // Partitions whose leader can acknowledge when one follower is missing.
    const places = plainPartitions(
      context,
      (leader, isrSize) => isrSize > Math.max(1, leader.minIsrEffective),
    );
    const place = chosen(places, choices.place);
    if (place === undefined) return undefined;
    const leader = cluster.node(place.image.leader)!;
    const others = place.image.isr.filter((id) => id !== leader.id);
    const member = cluster.node(chosen(others, choices.member)!)!;
    new LateCopy(context, place, leader, member).begin();
    const says = `${member.name} in ${place.topic}-${place.partition}, led by ${leader.name}`;
    return { says, touches: cluster.nodes, lastsUs: STEPS_US };
  },
});

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

  /**
   * Restarts the follower, so it registers again and leaves the ISR. When it has caught up, its leader asks
   * to add it to the ISR. The fault catches this request.
   */
  begin(): void {
    const { context, member, leader } = this;
    const { network, world } = context;
    member.kill('process');
    later(context, 10 * MILLISECOND, () => member.startIfDown());
    network.caughtCalls.lay({
      from: leader.name,
      method: controlCalls.alterPartition.name,
      untilUs: Math.min(context.untilUs, world.nowUs + STEP_US_MAX),
      matches: (body) => this.isTheWish(body),
      // The caller's turn is still running, so the fault acts in a later event.
      caught: (call) => world.after(0, () => this.fenceMember(call)),
    });
  }

  private isTheWish(body: Uint8Array): boolean {
    const { topicId, partition } = this.place;
    return controlCalls.alterPartition.request
      .decode(body)
      .partitions.some(
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

  /**
   * Waits until the controller has refused the retry, and the leader has committed records without the
   * follower. Then lets the follower reach the controllers. Delivers the caught copy when the follower is
   * active.
   */
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

  /** Calls `then` when the condition holds. Ends the fault if time is up, or if one of the two nodes dies. */
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
