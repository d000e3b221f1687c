/**
 * The promises of eligible leader replicas (KIP-966).
 * - A replica joins the ELR only from the ISR.
 * - If the partition has a leader and the ISR has at least that leader's min.insync.replicas members, the ELR
 *   is empty. The leader then commits records that a member of the ELR may lack.
 * - A broker whose process was killed may have lost unflushed records. So when the broker registers again, it
 *   leaves the ISR and the ELR of each partition that has another complete replica (one in the ISR or the
 *   ELR).
 *
 * The checker `isr-lacks-data` checks that members of the ELR hold all committed records.
 */
import type { NodeId } from '@millrace/base';
import type { MetadataImage } from '@millrace/metadata';
import type { StateCheckerKind, StateScope } from '../checker.ts';
import { changedPartitions, completeReplicas, membersText, type PartitionStep } from './partition-steps.ts';

const NAME = 'elr-broken';

export const elrBroken: StateCheckerKind = {
  name: NAME,
  sentence:
    'a replica joins the ELR only from the ISR; while a partition has a leader and min.insync.replicas members in the ISR, its ELR is empty; a killed broker leaves the ELR when it registers again',
  make: (scope) => new ElrBroken(scope),
};

class ElrBroken {
  private readonly scope: StateScope;

  constructor(scope: StateScope) {
    this.scope = scope;
  }

  committed(before: MetadataImage, after: MetadataImage): void {
    for (const step of changedPartitions(before, after)) this.changed(after, step);
    if (before.brokers === after.brokers) return;
    for (const id of this.killed(before, after)) this.registered(id, before, after);
  }

  private changed(image: MetadataImage, { name, topic, before, after }: PartitionStep): void {
    const known = before === undefined ? [] : completeReplicas(before);
    const stranger = after.elr.find((id) => !known.includes(id));
    if (stranger !== undefined)
      this.fail(`broker ${stranger} joined the ELR of ${name}, but was neither in the ISR nor in the ELR`);
    const needed = Math.min(minInsyncReplicasOf(image, topic.name, after.leader), after.replicas.length);
    if (after.leader !== -1 && after.elr.length > 0 && after.isr.length >= needed)
      this.fail(`${name} has an ELR, but its ISR has ${needed} members or more (${membersText(after)})`);
  }

  /** The brokers that registered in this step after their process was killed. */
  private killed(before: MetadataImage, after: MetadataImage): NodeId[] {
    const ids: NodeId[] = [];
    for (const { id, epoch } of after.brokers.values()) {
      const old = before.broker(id)?.epoch;
      if (old !== undefined && epoch > old && this.scope.lives.wasKilled(old)) ids.push(id);
    }
    return ids;
  }

  private registered(id: NodeId, before: MetadataImage, after: MetadataImage): void {
    for (const { topic, index, partition } of after.partitionsOf(id)) {
      const was = before.partition(topic.id, index);
      if (was === undefined || !completeReplicas(partition).includes(id)) continue;
      if (completeReplicas(was).every((other) => other === id)) continue;
      this.fail(
        `broker ${id} was killed and registered again, and stays a complete replica of ${topic.name}-${index} (${membersText(partition)})`,
      );
    }
  }

  private fail(what: string): never {
    this.scope.world.fail(NAME, what);
  }
}

/**
 * The value of the topic. If the topic has none: the dynamic value of all brokers. If there is none: the
 * value that the leader sent when it registered.
 */
function minInsyncReplicasOf(image: MetadataImage, topic: string, leader: NodeId): number {
  const name = 'min.insync.replicas';
  const set = image.topicConfig(topic).get(name) ?? image.brokerConfig('').get(name);
  return set === undefined ? (image.broker(leader)?.minInsyncReplicas ?? 1) : Number(set);
}
