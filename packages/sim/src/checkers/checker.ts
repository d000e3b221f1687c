/**
 * A checker of state checks one promise about the state inside of the nodes, for example about images, logs
 * or leaders. It looks at the objects of a node after each turn of the node, and never changes them. It
 * reports a broken promise with `world.fail`, which throws and ends the run.
 *
 * A checker of a history (`@millrace/checkers`) judges only what clients saw. It needs only the part of the
 * scope that a history has. So it can serve as a checker of state, too: `ofHistory` wraps it, and one list
 * holds both kinds. The compiler refuses a checker of state where a checker of a history is needed.
 */
import type { HistoryChecker, HistoryScope } from '@millrace/checkers';
import type { MetadataImage } from '@millrace/metadata';
import type { SimCluster, SimNode } from '../cluster/index.ts';
import type { Atlas } from '../faults/index.ts';
import type { World } from '../world/index.ts';
import type { Calm } from './availability/calm.ts';
import type { BrokerLives } from './broker-lives.ts';
import type { CommittedMetadata } from './committed-metadata.ts';
import type { GroupWalk } from './groups/walk.ts';
import type { KeyedRecords } from './keyed-records.ts';
import type { Ledger } from './ledger.ts';
import type { ReplicaWatcher } from './replica-walk.ts';

/** The shared knowledge of one run's checkers. */
export interface StateScope extends HistoryScope {
  readonly world: World;
  readonly cluster: SimCluster;
  readonly atlas: Atlas;
  readonly metadata: CommittedMetadata;
  readonly ledger: Ledger;
  readonly keyed: KeyedRecords;
  readonly lives: BrokerLives;
  readonly groups: GroupWalk;
  readonly calm: Calm;
}

export interface StateChecker extends HistoryChecker, ReplicaWatcher {
  /**
   * Called after each turn of a process of the cluster, and after the calls of `replicaMoved` and
   * `replicaClosed` for this turn. It is called very often. So it must be cheap if the turn changed nothing
   * for this checker.
   */
  turn?(node: SimNode): void;
  /**
   * Called once for each batch of records that the quorum commits, in order, with the images before and
   * after. Perhaps no node has ever used the image `after`, because a node can apply several batches in one
   * turn.
   */
  committed?(before: MetadataImage, after: MetadataImage): void;
}

/** Creates a checker for each run. */
export interface StateCheckerKind {
  /** Kebab-case, unique; a violation carries it. */
  readonly name: string;
  /** The invariant, in one sentence. */
  readonly sentence: string;
  readonly make: (scope: StateScope) => StateChecker;
}
