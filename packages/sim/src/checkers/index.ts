/** All checkers, and their attachment to a run. */
import type { SimCluster } from '../cluster/index.ts';
import type { Host } from '../world/index.ts';
import { abortedRead } from './aborted-read.ts';
import type { CheckContext, Checker, CheckerKind, CheckScope } from './checker.ts';
import { CommittedMetadata } from './committed-metadata.ts';
import { damagedBatch } from './damaged-batch.ts';
import { deadBrokerUnfenced } from './dead-broker-unfenced.ts';
import { duplicate } from './duplicate.ts';
import { FinalLogs, readFinalLogs } from './final-logs.ts';
import { folderUnknown } from './folder-unknown.ts';
import { highWatermarkFell } from './high-watermark-fell.ts';
import { inconsistentOffsets } from './inconsistent-offsets.ts';
import { isrLacksData } from './isr-lacks-data.ts';
import { largestTimestamp } from './largest-timestamp.ts';
import { leaderEpochFell } from './leader-epoch-fell.ts';
import { Ledger } from './ledger.ts';
import { lostMetadata } from './lost-metadata.ts';
import { lostSequence } from './lost-sequence.ts';
import { lostWrite } from './lost-write.ts';
import { metadataDiffers } from './metadata-differs.ts';
import { metadataWentBack } from './metadata-went-back.ts';
import { nonmonotonicSend } from './nonmonotonic-send.ts';
import { intNonmonotonicPoll, intPollSkip, nonmonotonicPoll, pollSkip } from './poll-positions.ts';
import { positionLost } from './position-lost.ts';
import { replicasDiffer } from './replicas-differ.ts';
import { twoLeaders } from './two-leaders.ts';
import { uncommittedRead } from './uncommitted-read.ts';
import { unseen } from './unseen.ts';
import { wrongOffset } from './wrong-offset.ts';
import { zombieLeader } from './zombie-leader.ts';

export type { CheckContext, Checker, CheckerKind } from './checker.ts';

/** All checkers, in the order of their calls. The first one writes the ledger that the others read. */
export const checkerKinds: readonly CheckerKind[] = [
  replicasDiffer,
  highWatermarkFell,
  twoLeaders,
  isrLacksData,
  zombieLeader,
  deadBrokerUnfenced,
  metadataWentBack,
  metadataDiffers,
  lostMetadata,
  folderUnknown,
  uncommittedRead,
  inconsistentOffsets,
  abortedRead,
  pollSkip,
  nonmonotonicPoll,
  intPollSkip,
  intNonmonotonicPoll,
  positionLost,
  damagedBatch,
  lostWrite,
  wrongOffset,
  duplicate,
  nonmonotonicSend,
  lostSequence,
  leaderEpochFell,
  largestTimestamp,
  unseen,
];

/** Attaches every checker to the run. Returns the function to call at the end. */
export function attachCheckers(
  context: CheckContext,
  kinds: readonly CheckerKind[] = checkerKinds,
): () => void {
  const { world, history, cluster } = context;
  const scope: CheckScope = {
    ...context,
    metadata: new CommittedMetadata(),
    ledger: new Ledger(),
    finalLogs: new FinalLogs(() => readFinalLogs(cluster)),
  };
  const checkers = kinds.map((kind) => kind.make(scope));
  const nodes = nodesByHost(cluster);
  const turns = checkers.filter((one): one is Checker & { turn: object } => one.turn !== undefined);
  const ops = checkers.filter((one): one is Checker & { op: object } => one.op !== undefined);
  world.watchers.push((life) => {
    const node = nodes.get(life.host);
    if (node === undefined) return;
    scope.metadata.turn(node);
    for (const one of turns) one.turn(node);
  });
  history.watchers.push((op) => {
    for (const one of ops) one.op(op);
  });
  return () => {
    for (const one of checkers) one.finish?.();
  };
}

function nodesByHost(cluster: SimCluster) {
  return new Map<Host, SimCluster['nodes'][number]>(cluster.nodes.map((node) => [node.host, node]));
}
