/**
 * Every member of the ISR and the ELR holds all committed records. The controller may elect any of these
 * members. If the elected member lacked a committed record, this record would be lost.
 *
 * The durability contract allows a broker to lose its disk, or an unsynced tail of its log. After such a loss
 * the broker is exempt until it is registered again and active. Until the broker registers, the controller
 * does not know of the loss, so the broker may still be in the ISR.
 */
import type { NodeId } from '@millrace/base';
import type { MetadataImage, PartitionImage } from '@millrace/metadata';
import type { Partition } from '@millrace/replication';
import type { SimNode } from '../cluster/index.ts';
import type { StateChecker, StateCheckerKind, StateScope } from './checker.ts';
import { membersText } from './image/partition-steps.ts';
import type { PartitionLedger } from './ledger.ts';
import type { HostedReplica } from './replica-walk.ts';

const NAME = 'isr-lacks-data';

export const isrLacksData: StateCheckerKind = {
  name: NAME,
  sentence: 'every live member of the committed ISR and ELR holds all committed records',
  make: (scope) => new IsrLacksData(scope),
};

class IsrLacksData implements StateChecker {
  private readonly scope: StateScope;
  private checkedImage: MetadataImage | undefined;
  private readonly checkedStates = new Map<string, PartitionImage>();
  /** The partitions to check after this turn. */
  private readonly moved = new Set<PartitionLedger>();
  /**
   * For each broker that lacks records and is not active again yet: the partitions to check once it is
   * active.
   */
  private readonly excused = new Map<NodeId, Set<PartitionLedger>>();

  constructor(scope: StateScope) {
    this.scope = scope;
    scope.ledger.watchers.push((ledger) => this.moved.add(ledger));
  }

  replicaMoved({ replica, before }: HostedReplica): void {
    const { endOffset } = replica.log;
    if (endOffset < before.endOffset || before.endOffset === 0) this.moved.add(this.scope.ledger.of(replica));
  }

  turn(node: SimNode): void {
    const { newest } = this.scope.metadata;
    if (newest !== this.checkedImage) this.imageMoved(newest);
    if (this.excused.has(node.id) && this.isRegistered(node.id)) {
      for (const ledger of this.excused.get(node.id)!) this.moved.add(ledger);
      this.excused.delete(node.id);
    }
    if (this.moved.size === 0) return;
    for (const ledger of this.moved) this.checkAll(ledger);
    this.moved.clear();
  }

  private imageMoved(image: MetadataImage): void {
    this.checkedImage = image;
    for (const name of image.topicNames) {
      const topic = image.topic(name)!;
      topic.partitions.forEach((state, index) => {
        const key = `${topic.id}-${index}`;
        if (this.checkedStates.get(key) === state) return;
        this.checkedStates.set(key, state);
        const known = this.scope.ledger.get(topic.id, index);
        if (known !== undefined) this.moved.add(known);
      });
    }
  }

  private checkAll(ledger: PartitionLedger): void {
    const { metadata, cluster, atlas, world } = this.scope;
    const state = metadata.newest.partition(ledger.topicId, ledger.index);
    if (state === undefined || this.scope.isExempt(ledger)) return;
    for (const id of [...state.isr, ...state.elr]) {
      const replica = this.loaded(id, ledger);
      if (replica === undefined || replica.log.endOffset >= ledger.committedEnd) continue;
      if (atlas.isRecovering(id) && !this.isRegistered(id)) {
        this.excuse(id, ledger);
        continue;
      }
      const { endOffset } = replica.log;
      world.fail(
        NAME,
        `${cluster.node(id)!.name} may lead ${ledger.name} (${membersText(state)}) and ends at ${endOffset}, but ${ledger.committedEnd} is committed`,
      );
    }
  }

  private excuse(id: NodeId, ledger: PartitionLedger): void {
    const excused = this.excused.get(id);
    if (excused === undefined) this.excused.set(id, new Set([ledger]));
    else excused.add(ledger);
  }

  /** Whether the current process of the broker is registered and active. */
  private isRegistered(id: NodeId): boolean {
    const { metadata, cluster } = this.scope;
    const epoch = cluster.node(id)?.roles?.broker?.replicas.brokerEpoch ?? -1;
    return epoch >= 0 && metadata.newest.broker(id)?.epoch === epoch && metadata.newest.isActive(id);
  }

  private loaded(id: NodeId, { topicId, index }: PartitionLedger): Partition | undefined {
    const node = this.scope.cluster.node(id);
    const replica = node === undefined ? undefined : this.scope.cluster.replica(node, topicId, index);
    return replica?.log.offline === undefined ? replica : undefined;
  }
}
