/**
 * Computes one partition's next state: ISR, ELR and leader. Pure. Only this file elects the leader of an
 * existing partition.
 *
 * Each member of the ISR and of the ELR (eligible leader replicas, KIP-966) holds all committed records. This
 * file calls such a replica complete.
 *
 * 1. `leaving` names a broker whose log the controller no longer trusts. The broker restarted uncleanly and
 *    may have lost its unflushed tail, or its log is damaged, or its storage failed. The controller removes
 *    this broker from ISR and ELR if another complete replica remains. If the broker was alone in the ISR,
 *    the members of the ELR replace it. If the last complete replica comes back with an empty disk, the
 *    records that only the ISR held are lost. The controller does not elect that replica, because the others
 *    would truncate their logs to its empty log. Replicas that left the ISR last hold the most records, so
 *    the partition waits for one of them. Without such a replica, the controller elects any other one.
 * 2. Inactive members leave the ISR if an active member remains, or if an active member of the ELR can
 *    replace them. Otherwise the ISR stays: its members hold every acknowledged record, and the first member
 *    that is active again leads. An ISR never becomes empty.
 * 3. The leader stays while it is an active member of the ISR. Otherwise the first active member, in the
 *    order of the replicas, leads. If no member is active, nobody leads (-1).
 * 4. While the ISR has fewer members than the leader's min.insync.replicas, the leader commits nothing. So if
 *    the ISR that remains is that small, a replica that leaves the ISR joins the ELR. When the ISR has enough
 *    members for its leader, old or new, the ELR is empty.
 * 5. If nobody can lead and the topic allows unclean election (unclean.leader.election.enable), the first
 *    active replica whose storage works leads, alone in its ISR. Acknowledged records may be lost.
 */
import { assert, type NodeId, type Uuid } from '@millrace/base';
import type { FailedReplica, MetadataImage, PartitionImage, RecordOf } from '@millrace/metadata';

export interface PartitionSituation {
  readonly partition: PartitionImage;
  /** True if the broker may now lead and be in ISRs: registered, not fenced, not shutting down. */
  readonly isActive: (broker: NodeId) => boolean;
  /**
   * True if the replica reported that its storage failed. Such a replica leads only if it is in the ISR and
   * no other replica can replace it.
   */
  readonly isFailed: (broker: NodeId) => boolean;
  /** The replica that now reports a storage failure. */
  readonly failed?: FailedReplica | undefined;
  /** The requested ISR; by default the present one. */
  readonly targetIsr?: readonly NodeId[];
  /** A broker whose data may be incomplete. */
  readonly leaving?: NodeId | undefined;
  /** True if the leaving broker has a different disk and no records. */
  readonly leavesEmpty?: boolean | undefined;
  /**
   * True: the leader epoch rises even if the leader stays, so that the leader ignores earlier reports of
   * followers.
   */
  readonly newLeaderEpoch?: boolean | undefined;
  readonly uncleanElection: boolean;
  /** The `min.insync.replicas` by which the given broker commits when it leads. */
  readonly minInsyncReplicas: (leader: NodeId) => number;
}

export interface PartitionOutcome {
  readonly isr: readonly NodeId[];
  readonly elr: readonly NodeId[];
  readonly leader: NodeId;
}

/** The record with the fields that change; undefined when nothing changes. */
export function partitionChange(
  topicId: Uuid,
  index: number,
  situation: PartitionSituation,
): RecordOf<'partitionChange'> | undefined {
  const { partition } = situation;
  const { isr, elr, leader } = nextState(situation);
  const isrChanges = !sameMembers(isr, partition.isr);
  const elrChanges = !sameMembers(elr, partition.elr);
  const leaderChanges = leader !== partition.leader || situation.newLeaderEpoch === true;
  const { failed } = situation;
  const failureChanges = failed !== undefined && !isKnownFailure(partition, failed);
  if (!isrChanges && !elrChanges && !leaderChanges && !failureChanges) return undefined;
  return {
    type: 'partitionChange',
    topicId,
    partition: index,
    ...(isrChanges ? { isr } : {}),
    ...(elrChanges ? { elr } : {}),
    ...(leaderChanges ? { leader } : {}),
    ...(failureChanges ? { failed } : {}),
  };
}

function isKnownFailure(
  { failedReplicas }: PartitionImage,
  { brokerId, brokerEpoch }: FailedReplica,
): boolean {
  return failedReplicas.some((known) => known.brokerId === brokerId && known.brokerEpoch === brokerEpoch);
}

/**
 * Whether the replica reported a failure since its broker last registered. A restarted broker opens its logs
 * again, so earlier failures do not count.
 */
export function isFailed(image: MetadataImage, { failedReplicas }: PartitionImage, broker: NodeId): boolean {
  return failedReplicas.some(
    ({ brokerId, brokerEpoch }) => brokerId === broker && brokerEpoch === image.broker(broker)?.epoch,
  );
}

export function nextState(situation: PartitionSituation): PartitionOutcome {
  const { partition, isActive } = situation;
  const isr = nextIsr(situation);
  assert(isr.length > 0, 'an ISR never becomes empty');
  const stays = isr.includes(partition.leader) && isActive(partition.leader);
  const clean = stays ? partition.leader : partition.replicas.find((id) => isr.includes(id) && isActive(id));
  if (clean !== undefined) return { isr, elr: nextElr(situation, isr, clean), leader: clean };
  const unclean = situation.uncleanElection
    ? partition.replicas.find((id) => isActive(id) && !situation.isFailed(id))
    : undefined;
  if (unclean !== undefined) return { isr: [unclean], elr: [], leader: unclean };
  return { isr, elr: completeOutside(situation, isr), leader: -1 };
}

function nextIsr(situation: PartitionSituation): readonly NodeId[] {
  const { partition, isActive, targetIsr, leaving } = situation;
  const wanted = targetIsr ?? partition.isr;
  const others = wanted.filter((id) => id !== leaving);
  const eligible = partition.elr.filter((id) => id !== leaving && !wanted.includes(id));
  if (others.length === 0 && eligible.length === 0 && situation.leavesEmpty) {
    const survivors = partition.replicas.filter((id) => id !== leaving);
    const best = survivors.filter((id) => partition.formerIsr.includes(id));
    const candidates = best.length > 0 ? best : survivors;
    // The logs of these replicas may differ, so one active replica alone forms the new ISR. While none is
    // active, all candidates form it.
    const first =
      candidates.find((id) => isActive(id) && !situation.isFailed(id)) ?? candidates.find(isActive);
    if (candidates.length > 0) return first === undefined ? candidates : [first];
  }
  const trusted = others.length > 0 ? others : eligible.length > 0 ? eligible : wanted;
  const active = trusted.filter(isActive);
  if (active.length > 0) return active;
  const activeEligible = eligible.filter(isActive);
  return activeEligible.length > 0 ? activeEligible : trusted;
}

/**
 * The next ELR: the complete replicas outside the ISR, while the ISR is smaller than the leader's
 * min.insync.replicas. They stay complete because the leader commits nothing with such an ISR.
 */
function nextElr(situation: PartitionSituation, isr: readonly NodeId[], leader: NodeId): readonly NodeId[] {
  const { partition, minInsyncReplicas } = situation;
  if (isr.length >= Math.min(minInsyncReplicas(leader), partition.replicas.length)) return [];
  return completeOutside(situation, isr);
}

/** The complete replicas outside this ISR. While nobody leads they stay complete, because nobody commits. */
function completeOutside(
  { partition, leaving }: PartitionSituation,
  isr: readonly NodeId[],
): readonly NodeId[] {
  return partition.replicas.filter(
    (id) => id !== leaving && !isr.includes(id) && (partition.isr.includes(id) || partition.elr.includes(id)),
  );
}

/** Whether two lists hold the same members. Neither list may have duplicates. */
export function sameMembers(a: readonly NodeId[], b: readonly NodeId[]): boolean {
  return a.length === b.length && a.every((id) => b.includes(id));
}
