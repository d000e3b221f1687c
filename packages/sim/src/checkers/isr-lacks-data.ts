/**
 * Every member of the ISR and the ELR holds all committed records. The controller may elect it at any moment,
 * and the records that it lacks would be lost.
 *
 * A broker is exempt after a loss that the contract covers (a disk, an unsynced tail) until it registers
 * again. It leaves the ISR when it registers, and the controller does not elect it before.
 */
import type { NodeId, Offset } from '@millrace/base';
import type { MetadataImage, PartitionImage } from '@millrace/metadata';
import type { Partition } from '@millrace/replication';
import type { SimNode } from '../cluster/index.ts';
import type { StateCheckerKind, StateScope } from './checker.ts';
import { hostedReplicas } from './hosted-replicas.ts';
import type { PartitionLedger } from './ledger.ts';

const NAME = 'isr-lacks-data';

export const isrLacksData: StateCheckerKind = {
  name: NAME,
  sentence: 'every live member of the committed ISR and ELR holds all committed records',
  make: (scope) => new IsrLacksData(scope),
};

class IsrLacksData {
  private readonly scope: StateScope;
  private checkedImage: MetadataImage | undefined;
  private readonly checkedStates = new Map<string, PartitionImage>();
  private readonly committedEnds = new Map<PartitionLedger, Offset>();
  private readonly logEnds = new Map<Partition, Offset>();

  constructor(scope: StateScope) {
    this.scope = scope;
  }

  turn(node: SimNode): void {
    const { ledger, metadata } = this.scope;
    if (metadata.newest !== this.checkedImage) this.imageMoved(metadata.newest);
    for (const replica of hostedReplicas(node)) {
      const known = ledger.of(replica);
      const { committedEnd } = known;
      const { endOffset } = replica.log;
      const before = this.logEnds.get(replica) ?? 0;
      if (endOffset !== before) this.logEnds.set(replica, endOffset);
      if (this.committedEnds.get(known) !== committedEnd) {
        this.committedEnds.set(known, committedEnd);
        this.checkAll(known);
      } else if (endOffset < committedEnd && endOffset < before) this.checkAll(known);
      else if (before === 0 && endOffset < committedEnd) this.checkAll(known);
    }
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
        if (known !== undefined) this.checkAll(known);
      });
    }
  }

  private checkAll(ledger: PartitionLedger): void {
    const { metadata, cluster, atlas, world } = this.scope;
    const state = metadata.newest.partition(ledger.topicId, ledger.index);
    if (state === undefined || this.scope.isExempt(ledger.topic)) return;
    for (const id of [...state.isr, ...state.elr]) {
      const replica = this.loaded(id, ledger);
      if (replica === undefined || replica.log.endOffset >= ledger.committedEnd) continue;
      if (atlas.isRecovering(id) && !this.isRegistered(id)) continue;
      const { endOffset } = replica.log;
      world.fail(
        NAME,
        `${cluster.node(id)!.name} may lead ${ledger.name} (ISR ${state.isr.join()}, ELR ${state.elr.join()}) and ends at ${endOffset}, but ${ledger.committedEnd} is committed`,
      );
    }
  }

  /** Whether its current process is registered. */
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
