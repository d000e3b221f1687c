/**
 * A checker of state checks one promise inside of the nodes (images, logs, leaders) after their turns. It
 * looks at the objects of the nodes and never changes any. It reports a broken promise with `world.fail`,
 * which throws and ends the run.
 *
 * A checker of a history (`@millrace/checkers`) serves as a checker of state, too: it needs only the part of
 * the scope that a history has. So one list holds both kinds, and `ofHistory` wraps the checkers of a
 * history. The compiler refuses a checker of state where a checker of a history is needed.
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
import type { Ledger } from './ledger.ts';
import type { ReplicaWatcher } from './replica-walk.ts';

/** The shared knowledge of one run's checkers. */
export interface StateScope extends HistoryScope {
  readonly world: World;
  readonly cluster: SimCluster;
  readonly atlas: Atlas;
  readonly metadata: CommittedMetadata;
  readonly ledger: Ledger;
  readonly lives: BrokerLives;
  readonly groups: GroupWalk;
  readonly calm: Calm;
}

export interface StateChecker extends HistoryChecker, ReplicaWatcher {
  /**
   * Called after each turn of a process of the cluster, later than `replicaMoved` and `replicaClosed`. Called
   * very often, so it must be cheap unless something moved.
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
