/**
 * One partition's next state: who stays in the ISR and who leads. Pure, and the only place that elects
 * leaders.
 *
 * Each member of the ISR and of the ELR (eligible leader replicas, KIP-966) holds all committed records: it
 * is a voucher of the partition.
 *
 * 1. A broker that is leaving (unclean restart: its unflushed tail may be gone; or its log is damaged) leaves
 *    both if another voucher remains. If it was alone in the ISR, those of the ELR take its place. When the
 *    last member comes back with an empty disk, the records that only the ISR held are lost. The controller
 *    does not elect it: the others would delete their records. Replicas that left the ISR last hold the most,
 *    so the partition waits for one of them. If no replica ever left the ISR, the controller elects any other
 *    one.
 * 2. Members that are not active leave if an active one remains, or if an active one of the ELR can take
 *    their place. If neither does, the ISR stays: its members hold everything acknowledged, and one of them
 *    will lead when it is back. An ISR never becomes empty.
 * 3. The leader stays while it is an active member of the ISR; otherwise the first active member, in the
 *    order of the replicas, leads; otherwise nobody does (-1).
 * 4. While the ISR has fewer members than min.insync.replicas nothing is committed, so who leaves it then
 *    joins the ELR, and with enough members the ELR is empty.
 * 5. Only if nobody can lead and the topic allows unclean election, the first active replica whose storage
 *    works leads, alone in its ISR: acknowledged records may be lost (unclean.leader.election.enable).
 */
import { assert, type NodeId, type Uuid } from '@millrace/base';
import type { FailedReplica, MetadataImage, PartitionChangeRecord, PartitionImage } from '@millrace/metadata';

export interface PartitionSituation {
  readonly partition: PartitionImage;
  /** May lead and be in ISRs from now on: registered, not fenced, not shutting down. */
  readonly isActive: (broker: NodeId) => boolean;
  /** Its storage failed, as it said: it leads only as a member of the ISR that nobody can replace. */
  readonly isFailed: (broker: NodeId) => boolean;
  /** Says so now. */
  readonly failed?: FailedReplica | undefined;
  /** The ISR that is asked for; by default the present one. */
  readonly targetIsr?: readonly NodeId[];
  /** A broker whose data can no longer be trusted to be complete. */
  readonly leaving?: NodeId | undefined;
  /** The one that is leaving has another disk than before: it holds nothing. */
  readonly leavesEmpty?: boolean | undefined;
  /**
   * Raises the leader epoch even if the leader stays: the leader then ignores what followers reported before.
   */
  readonly newLeaderEpoch?: boolean | undefined;
  readonly uncleanElection: boolean;
  /** `min.insync.replicas` of the topic. */
  readonly minInsyncReplicas: number;
}

export interface PartitionOutcome {
  readonly isr: readonly NodeId[];
  readonly elr: readonly NodeId[];
  readonly leader: NodeId;
}

/** The record's fields that change, or undefined when nothing does. */
export function partitionChange(
  topicId: Uuid,
  index: number,
  situation: PartitionSituation,
): PartitionChangeRecord | undefined {
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

/** In the present life of its broker: a broker that starts again opens its logs again. */
export function isFailed(image: MetadataImage, { failedReplicas }: PartitionImage, broker: NodeId): boolean {
  return failedReplicas.some(
    ({ brokerId, brokerEpoch }) => brokerId === broker && brokerEpoch === image.broker(broker)?.epoch,
  );
}

export function nextState(situation: PartitionSituation): PartitionOutcome {
  const { partition, isActive } = situation;
  const isr = nextIsr(situation);
  assert(isr.length > 0, 'an ISR never becomes empty');
  const elr = nextElr(situation, isr);
  if (isr.includes(partition.leader) && isActive(partition.leader))
    return { isr, elr, leader: partition.leader };
  const clean = partition.replicas.find((id) => isr.includes(id) && isActive(id));
  if (clean !== undefined) return { isr, elr, leader: clean };
  const unclean = situation.uncleanElection
    ? partition.replicas.find((id) => isActive(id) && !situation.isFailed(id))
    : undefined;
  if (unclean !== undefined) return { isr: [unclean], elr: [], leader: unclean };
  return { isr, elr, leader: -1 };
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
    // Their logs may differ, so only one of them can be in sync at first.
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
 * Returns the vouchers outside the ISR while the ISR is smaller than min.insync.replicas: without them it
 * commits nothing.
 */
function nextElr(
  { partition, leaving, minInsyncReplicas }: PartitionSituation,
  isr: readonly NodeId[],
): readonly NodeId[] {
  if (isr.length >= Math.min(minInsyncReplicas, partition.replicas.length)) return [];
  return partition.replicas.filter(
    (id) => id !== leaving && !isr.includes(id) && (partition.isr.includes(id) || partition.elr.includes(id)),
  );
}

/** Equal as sets; neither has duplicates. */
export function sameMembers(a: readonly NodeId[], b: readonly NodeId[]): boolean {
  return a.length === b.length && a.every((id) => b.includes(id));
}
