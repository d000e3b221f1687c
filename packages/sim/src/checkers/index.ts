/** Lists all checkers, and attaches them to a run. */
import { FinalLogs, type History, historyCheckers, type TopicRef } from '@millrace/checkers';
import type { SimCluster, SimNode } from '../cluster/index.ts';
import type { Atlas, TouchedMachines } from '../faults/index.ts';
import type { Host, World } from '../world/index.ts';
import { Calm } from './availability/calm.ts';
import { leaderUnavailable } from './availability/leader-unavailable.ts';
import { writesUnavailable } from './availability/writes-unavailable.ts';
import { BrokerLives } from './broker-lives.ts';
import type { StateChecker, StateCheckerKind, StateScope } from './checker.ts';
import { CommittedLog } from './committed-log.ts';
import { CommittedMetadata } from './committed-metadata.ts';
import { compactedValueLost } from './compacted-value-lost.ts';
import { compactedValueUnread } from './compacted-value-unread.ts';
import { deadBrokerUnfenced } from './dead-broker-unfenced.ts';
import { deletedRecordsBack } from './deleted-records-back.ts';
import { expiredTooEarly } from './expired-too-early.ts';
import { folderUnknown } from './folder-unknown.ts';
import { groupCheckers } from './groups/index.ts';
import { GroupWalk } from './groups/walk.ts';
import { growsWithoutRoom } from './grows-without-room.ts';
import { highWatermarkFell } from './high-watermark-fell.ts';
import { imageCheckers } from './image/index.ts';
import { isrLacksData } from './isr-lacks-data.ts';
import { KeyedRecords } from './keyed-records.ts';
import { readLeaderLogs } from './leader-logs.ts';
import { leaseTooLong } from './lease-too-long.ts';
import { Ledger } from './ledger.ts';
import { liveBrokerReplaced } from './live-broker-replaced.ts';
import { logStartFell } from './log-start-fell.ts';
import { lostMetadata } from './lost-metadata.ts';
import { memoryGrows } from './memory-grows.ts';
import { metadataDiffers } from './metadata-differs.ts';
import { metadataLogLost } from './metadata-log-lost.ts';
import { metadataWentBack } from './metadata-went-back.ts';
import { ofHistory } from './of-history.ts';
import { offlineLogInUse } from './offline-log-in-use.ts';
import { readAheadOfCommit } from './read-ahead-of-commit.ts';
import { removedSegmentBack } from './removed-segment-back.ts';
import { ReplicaWalk, type ReplicaWatcher } from './replica-walk.ts';
import { replicasDiffer } from './replicas-differ.ts';
import { snapshotDiffers } from './snapshot-differs.ts';
import { twoLeaders } from './two-leaders.ts';
import { zombieLeader } from './zombie-leader.ts';

export type { StateChecker, StateCheckerKind, StateScope } from './checker.ts';

/**
 * All checkers. The run calls them in this order, because the first one fills the ledger (ledger.ts) that the
 * others read.
 */
export const checkerKinds: readonly StateCheckerKind[] = [
  replicasDiffer,
  highWatermarkFell,
  expiredTooEarly,
  logStartFell,
  deletedRecordsBack,
  growsWithoutRoom,
  removedSegmentBack,
  compactedValueLost,
  compactedValueUnread,
  offlineLogInUse,
  twoLeaders,
  isrLacksData,
  zombieLeader,
  leaseTooLong,
  deadBrokerUnfenced,
  liveBrokerReplaced,
  metadataWentBack,
  metadataDiffers,
  metadataLogLost,
  snapshotDiffers,
  lostMetadata,
  folderUnknown,
  ...imageCheckers,
  ...groupCheckers,
  leaderUnavailable,
  writesUnavailable,
  memoryGrows,
  ...historyCheckers.map(ofHistory),
  readAheadOfCommit,
];

export interface Surroundings {
  readonly world: World;
  readonly cluster: SimCluster;
  readonly atlas: Atlas;
  readonly touched: TouchedMachines;
  readonly history: History;
  isExempt(topic: TopicRef): boolean;
}

/** Everything that the checkers of one run share. */
function scopeOf({ world, cluster, atlas, touched, history, isExempt }: Surroundings): StateScope {
  const ledger = new Ledger();
  const keyed = new KeyedRecords(world, ledger);
  return {
    world,
    cluster,
    atlas,
    history,
    isExempt,
    metadata: new CommittedMetadata(),
    ledger,
    keyed,
    lives: new BrokerLives(),
    groups: new GroupWalk((topicId, index) => ledger.get(topicId, index)?.hasStaleKeys === true),
    calm: new Calm(cluster, touched),
    finalLogs: new FinalLogs(() => readLeaderLogs(cluster, ledger, keyed)),
    mayServeDamage: () => (world.counts.get('disk write went astray') ?? 0) > 0,
    report: (checker, sentence) => world.fail(checker, sentence),
    count: (what) => world.count(what),
  };
}

/** Attaches every checker to the run. Returns a function that makes the checks at the end of the run. */
export function attachCheckers(
  surroundings: Surroundings,
  kinds: readonly StateCheckerKind[] = checkerKinds,
): () => void {
  const { world, history, cluster } = surroundings;
  const scope = scopeOf(surroundings);
  const checkers = kinds.map((kind) => kind.make(scope));
  const places = new Places(cluster, [scope.keyed, ...checkers]);
  const turns = checkers.filter((one): one is StateChecker & { turn: object } => one.turn !== undefined);
  const steps = checkers.filter(
    (one): one is StateChecker & { committed: object } => one.committed !== undefined,
  );
  const ops = checkers.filter((one): one is StateChecker & { op: object } => one.op !== undefined);
  const log = new CommittedLog();
  world.watchers.push((life) => {
    const place = places.on(life.host);
    if (place === undefined) return;
    const { node, walk } = place;
    scope.metadata.turn(node);
    scope.lives.turn(node);
    scope.keyed.turn(node);
    log.turn(node, (before, after) => {
      for (const one of steps) one.committed(before, after);
    });
    walk.turn();
    for (const one of turns) one.turn(node);
    scope.groups.turn(node);
  });
  history.watchers.push((op) => {
    for (const one of ops) one.op(op);
  });
  return () => {
    for (const one of checkers) one.finish?.();
  };
}

interface Place {
  readonly node: SimNode;
  readonly walk: ReplicaWalk;
}

/** For each node and stand-in: the walk over its replicas. */
class Places {
  private readonly cluster: SimCluster;
  private readonly watchers: readonly ReplicaWatcher[];
  private readonly byHost = new Map<Host, Place>();

  constructor(cluster: SimCluster, watchers: readonly ReplicaWatcher[]) {
    this.cluster = cluster;
    this.watchers = watchers;
  }

  on(host: Host): Place | undefined {
    const known = this.byHost.get(host);
    if (known !== undefined) return known;
    const node = this.cluster.nodeOn(host);
    if (node === undefined) return undefined;
    const place = { node, walk: new ReplicaWalk(node, this.watchers) };
    this.byHost.set(host, place);
    // A walk notices in the next turn of the machine that replicas are closed. After the death of a
    // stand-in's process, its machine has no next turn.
    if (this.cluster.standIns.includes(node)) host.life!.onDeath(() => place.walk.turn());
    return place;
  }
}
