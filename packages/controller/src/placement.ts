/**
 * Decides which brokers get the replicas of new partitions. Pure, given the brokers and a Random. The rules,
 * the most important first:
 *
 * 1. No broker has two replicas of a partition. A fenced broker has a replica only if there are too few other
 *    brokers, and is never the first replica.
 * 2. The replicas of a partition are in as many racks as possible.
 * 3. In this call, each broker gets the same number of first replicas (preferred leaders). After that, each
 *    broker gets the same number of replicas.
 * 4. Brokers that held fewer replicas before this call come first. After that, chance decides.
 */
import { assert, type NodeId, type Random } from '@millrace/base';

export interface PlaceableBroker {
  readonly id: NodeId;
  /** Brokers without a rack count as one rack. */
  readonly rack: string | undefined;
  readonly fenced: boolean;
  /** Number of replicas that the broker already holds. */
  readonly replicas: number;
}

interface Candidate extends PlaceableBroker {
  leaders: number;
  placed: number;
  /** A random number, drawn for each partition. */
  lot: number;
}

/** Why there is no valid placement, in words for the client. Undefined: there is a valid placement. */
export function placementProblem(
  brokers: readonly PlaceableBroker[],
  replicationFactor: number,
): string | undefined {
  if (replicationFactor > brokers.length) {
    return `replication factor ${replicationFactor} is larger than the number of usable brokers, ${brokers.length}`;
  }
  if (brokers.every(({ fenced }) => fenced)) return 'every registered broker is fenced';
  return undefined;
}

/**
 * Returns one list of broker ids for each partition, the preferred leader first. The caller must have checked
 * that placementProblem returns undefined.
 */
export function placeReplicas(
  brokers: readonly PlaceableBroker[],
  partitionCount: number,
  replicationFactor: number,
  random: Random,
): NodeId[][] {
  assert(placementProblem(brokers, replicationFactor) === undefined, 'the replicas can be placed');
  const candidates: Candidate[] = brokers.map((broker) => ({ ...broker, leaders: 0, placed: 0, lot: 0 }));
  const placements: NodeId[][] = [];
  for (let partition = 0; partition < partitionCount; partition++) {
    for (const candidate of candidates) candidate.lot = random.u32();
    placements.push(placeOne(candidates, replicationFactor));
  }
  return placements;
}

function placeOne(candidates: readonly Candidate[], replicationFactor: number): NodeId[] {
  const chosen: Candidate[] = [];
  const racks = new Map<string | undefined, number>();
  for (let rank = 0; rank < replicationFactor; rank++) {
    let next: Candidate | undefined;
    for (const candidate of candidates) {
      if (chosen.includes(candidate) || (rank === 0 && candidate.fenced)) continue;
      const order =
        next === undefined
          ? -1
          : rank === 0
            ? compareLeaders(candidate, next)
            : compareFollowers(candidate, next, racks);
      if (order < 0) next = candidate;
    }
    assert(next !== undefined, 'a broker to choose from');
    if (rank === 0) next.leaders++;
    chosen.push(next);
    racks.set(next.rack, (racks.get(next.rack) ?? 0) + 1);
  }
  for (const candidate of chosen) candidate.placed++;
  return chosen.map(({ id }) => id);
}

function compareLeaders(a: Candidate, b: Candidate): number {
  return a.leaders - b.leaders || compareLoad(a, b);
}

function compareFollowers(
  a: Candidate,
  b: Candidate,
  racks: ReadonlyMap<string | undefined, number>,
): number {
  return (
    Number(a.fenced) - Number(b.fenced) ||
    (racks.get(a.rack) ?? 0) - (racks.get(b.rack) ?? 0) ||
    compareLoad(a, b)
  );
}

function compareLoad(a: Candidate, b: Candidate): number {
  return a.placed - b.placed || a.replicas - b.replicas || a.lot - b.lot || a.id - b.id;
}
