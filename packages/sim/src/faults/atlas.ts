/**
 * Which harm the durability contract covers right now. Losing what was written but not synced, a disk, or a
 * sector may befall a broker only while another member of every ISR it belongs to is whole: more than that
 * nobody promised to survive. Conservative: every view of the ISR counts that may still become the committed
 * one.
 *
 * Who lost something stays in its ISRs until it is noticed. Should everybody who is whole leave the ISR and
 * the ELR before that, the topic is beyond the contract from then on: nothing is promised about it any more.
 */
import type { NodeId } from '@millrace/base';
import type { MetadataImage, PartitionImage } from '@millrace/metadata';
import type { SimCluster, SimNode } from '../cluster/index.ts';
import type { Micros } from '../world/index.ts';

export class Atlas {
  /** Every topic is written with flush.messages=1: power may go anywhere, at any time, everywhere at once. */
  readonly everythingIsSynced: boolean;
  private readonly cluster: SimCluster;
  /** When a broker last lost something, until it is in every ISR again. */
  private readonly harmed = new Map<NodeId, Micros>();
  private wipedControllers = 0;
  private readonly beyond = new Set<string>();
  private seen: MetadataImage | undefined;

  constructor(cluster: SimCluster, everythingIsSynced: boolean) {
    this.cluster = cluster;
    this.everythingIsSynced = everythingIsSynced;
  }

  /** Whether only replicas that lack something vouched for a partition of this topic at some time. */
  isBeyond(topic: string): boolean {
    return this.beyond.has(topic);
  }

  /** To be called whenever something may have changed. */
  watch(): void {
    if (this.harmed.size === 0 && !this.cluster.brokers.some(({ disk }) => disk.isDamaged)) return;
    const image = this.cluster.image();
    if (image === this.seen) return;
    this.seen = image;
    for (const { topic, image: state } of this.cluster.partitions(image))
      if (vouchers(state).every((id) => this.isRecovering(id))) this.give(topic);
  }

  private give(topic: string): void {
    if (this.beyond.has(topic)) return;
    this.beyond.add(topic);
    this.cluster.world.count('topic beyond the contract');
    this.cluster.world.tell('world', 'beyond-the-contract', { topic });
  }

  mayLosePower(node: SimNode): boolean {
    return !node.isBroker || this.everythingIsSynced || this.othersAreWhole(node);
  }

  mayLoseDisk(node: SimNode): boolean {
    if (node.isController) {
      const controllers = this.cluster.controllers.length;
      if (this.wipedControllers >= Math.floor((controllers - 1) / 2)) return false;
      // A quorum that is not formed yet, or whose others lag behind, would lose what it acknowledged.
      if (this.cluster.image().offset < 0) return false;
    }
    return !node.isBroker || this.othersAreWhole(node);
  }

  noteHarm(node: SimNode, how: { disk: boolean }): void {
    if (how.disk && node.isController) this.wipedControllers++;
    if (node.isBroker && !(this.everythingIsSynced && !how.disk))
      this.harmed.set(node.id, this.cluster.world.nowUs);
  }

  /** Every partition that this node vouches for has another voucher with all of its data. */
  private othersAreWhole(node: SimNode): boolean {
    const views = this.views();
    // Nobody knows what is committed while all controllers are down.
    if (views.length === 0) return false;
    for (const image of views)
      for (const { topicId, topic, partition, image: state } of this.cluster.partitions(image)) {
        if (!state.replicas.includes(node.id) || this.beyond.has(topic)) continue;
        const others = vouchers(state).filter((id) => id !== node.id && !this.isRecovering(id));
        const leader = this.cluster.node(state.leader);
        const pending =
          leader === undefined
            ? undefined
            : this.cluster.replica(leader, topicId, partition)?.isrState.pending;
        const proposed = pending?.isr.map((member) => member.brokerId);
        if (!others.some((id) => proposed === undefined || proposed.includes(id))) return false;
      }
    return true;
  }

  /** What is committed, and what any controller has decided and may yet commit. */
  private views(): MetadataImage[] {
    const views: MetadataImage[] = [];
    for (const node of this.cluster.controllers) {
      const controller = node.roles?.controller?.controller;
      if (controller === undefined || controller.image.offset < 0) continue;
      views.push(controller.image);
      if (controller.head !== controller.image) views.push(controller.head);
    }
    return views;
  }

  isRecovering(id: NodeId): boolean {
    const node = this.cluster.node(id)!;
    if (node.disk.isDamaged) return true;
    const since = this.harmed.get(id);
    if (since === undefined) return false;
    const image = this.cluster.image();
    const isBack =
      node.life !== undefined &&
      node.life.bornUs > since &&
      node.isReady &&
      image.isActive(id) &&
      this.cluster
        .partitions(image)
        .every(({ image: state }) => !state.replicas.includes(id) || state.isr.includes(id));
    if (isBack) this.harmed.delete(id);
    return !isBack;
  }
}

/** Everybody who is to hold all that is committed. */
function vouchers({ isr, elr }: PartitionImage): readonly NodeId[] {
  return [...isr, ...elr];
}
