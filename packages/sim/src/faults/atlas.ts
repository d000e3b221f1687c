/**
 * Decides which losses the durability contract (docs/architecture.md) covers now, so that faults cause only
 * these. A broker may lose unsynced data, a disk or a sector only while each of its partitions has another,
 * intact member in the ISR or the ELR. Otherwise the contract would not promise that acknowledged records
 * survive. If every topic has flush.messages=1, a loss of unsynced data is no harm. The atlas is
 * conservative: it considers every ISR that may still become the committed one.
 *
 * A broker that lost data stays in its ISRs until the controller notices the loss. If every intact replica of
 * a partition leaves the ISR and the ELR before that, the contract no longer covers the topic. The topic is
 * then "beyond the contract".
 */
import type { NodeId } from '@millrace/base';
import type { TopicRef } from '@millrace/checkers';
import type { MetadataImage, PartitionImage } from '@millrace/metadata';
import type { PartitionPlace, SimCluster, SimNode } from '../cluster/index.ts';
import type { Life, Micros } from '../world/index.ts';

/** The last loss of a broker. */
interface Harm {
  /** The broker's newest process at the time of the loss. Undefined: the broker had not started yet. */
  readonly life: Life | undefined;
  /** The latest time at which the loss may come. */
  readonly untilUs: Micros;
  /**
   * Whether, in the newest metadata since the loss, the broker is active and in the ISR of all its
   * partitions.
   */
  isInSync: boolean;
}

export class Atlas {
  /**
   * Whether every topic has flush.messages=1. If so, any machines may lose power at any time, even all at
   * once.
   */
  readonly everythingIsSynced: boolean;
  private readonly cluster: SimCluster;
  /**
   * The last loss of each broker. The entry stays until a new process of the broker serves and is in the ISR
   * of all its partitions.
   */
  private readonly harmed = new Map<NodeId, Harm>();
  /** Whether `isInSync` is true for some broker in `harmed`. */
  private isSomeInSync = false;
  private wipedControllers = 0;
  /** The ids and the names of the topics beyond the contract. */
  private readonly beyond = new Set<string>();
  private seen: MetadataImage | undefined;

  constructor(cluster: SimCluster, everythingIsSynced: boolean) {
    this.cluster = cluster;
    this.everythingIsSynced = everythingIsSynced;
  }

  /**
   * Whether one of the topic's partitions had at some time an ISR and an ELR of which every member may have
   * lacked data. Without a topic id: whether this holds for any topic of the name.
   */
  isBeyond({ topic, topicId }: TopicRef): boolean {
    return this.beyond.has(topicId ?? topic);
  }

  /** Call this whenever the metadata or a process may have changed. */
  watch(): void {
    if (this.harmed.size === 0 && !this.isSomeDiskDamaged()) return;
    const image = this.cluster.image();
    const isNew = image !== this.seen;
    if (!isNew && !this.isSomeInSync) return;
    this.seen = image;
    const partitions = isNew ? this.cluster.partitions(image) : [];
    this.isSomeInSync = false;
    for (const [id, harm] of this.harmed) {
      if (isNew) harm.isInSync = image.isActive(id) && partitions.every((place) => isInIsr(id, place.image));
      if (!harm.isInSync) continue;
      if (this.servesAfter(id, harm)) this.harmed.delete(id);
      else this.isSomeInSync = true;
    }
    for (const place of partitions)
      if (electable(place.image).every((id) => this.isRecovering(id))) this.give(place);
  }

  private isSomeDiskDamaged(): boolean {
    for (const { disk } of this.cluster.brokers) if (disk.isDamaged) return true;
    return false;
  }

  /** Whether a process that started after the loss serves, on an intact disk. */
  private servesAfter(id: NodeId, harm: Harm): boolean {
    const { life, isReady, disk } = this.cluster.node(id)!;
    if (life === undefined || life === harm.life || life.bornUs < harm.untilUs) return false;
    return isReady && !disk.isDamaged;
  }

  private give({ topic, topicId }: PartitionPlace): void {
    if (this.beyond.has(topicId)) return;
    this.beyond.add(topic);
    this.beyond.add(topicId);
    this.cluster.world.count('topic beyond the contract');
    this.cluster.world.tell('world', 'beyond-the-contract', { topic });
  }

  mayLosePower(node: SimNode): boolean {
    return !node.isBroker || this.everythingIsSynced || this.othersAreWhole(node);
  }

  /** Whether one more controller may lose its quorum store: a minority may. */
  mayLoseStore(): boolean {
    const controllers = this.cluster.controllers.length;
    if (this.wipedControllers >= Math.floor((controllers - 1) / 2)) return false;
    // If no live controller has committed metadata, two cases are possible: the quorum is not formed yet, or
    // the store has the only copy of acknowledged records. The store must not be lost in either case.
    return this.cluster.image().offset >= 0;
  }

  noteStoreLost(): void {
    this.wipedControllers++;
  }

  mayLoseDisk(node: SimNode): boolean {
    if (node.isController && !this.mayLoseStore()) return false;
    return !node.isBroker || this.othersAreWhole(node);
  }

  /**
   * Call this when a node loses data. If the loss also ends the process of the node, call this before the
   * process ends. `untilUs`: the loss may come at any time from now until then. So a process that began
   * before `untilUs` may lack data, too.
   */
  noteHarm(node: SimNode, how: { disk: boolean }, untilUs: Micros = this.cluster.world.nowUs): void {
    if (how.disk && node.isController) this.wipedControllers++;
    if (!node.isBroker || (this.everythingIsSynced && !how.disk)) return;
    const latestUs = Math.max(untilUs, this.harmed.get(node.id)?.untilUs ?? 0);
    this.harmed.set(node.id, { life: node.host.life, untilUs: latestUs, isInSync: false });
  }

  /**
   * Whether each partition of this node has another intact member in its ISR or ELR. This member must also
   * stay in the ISR if the controller grants the ISR change that the leader asks for.
   */
  private othersAreWhole(node: SimNode): boolean {
    const views = this.views();
    // While all controllers are down, the committed metadata are unknown.
    if (views.length === 0) return false;
    for (const image of views)
      for (const { topicId, partition, image: state } of this.cluster.partitions(image)) {
        if (!state.replicas.includes(node.id) || this.beyond.has(topicId)) continue;
        const others = electable(state).filter((id) => id !== node.id && !this.isRecovering(id));
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

  /** The committed metadata, and every image that a controller has decided and may still commit. */
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

  /** Whether this broker may lack data. */
  isRecovering(id: NodeId): boolean {
    return this.harmed.has(id) || this.cluster.node(id)!.disk.isDamaged;
  }
}

/** The members of the ISR and the ELR: they must hold all committed records. */
function electable({ isr, elr }: PartitionImage): readonly NodeId[] {
  return [...isr, ...elr];
}

/** Whether the broker is in the ISR of the partition, or has no replica of it. */
function isInIsr(id: NodeId, { replicas, isr }: PartitionImage): boolean {
  return !replicas.includes(id) || isr.includes(id);
}
