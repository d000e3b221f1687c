/**
 * A checker: one promise of the durability contract, or one anomaly, checked against everything that happens.
 * It looks at production objects and at the answers to clients; it never changes anything. It throws a broken
 * promise (`world.fail`), which ends the run.
 */
import type { SimCluster, SimNode } from '../cluster/index.ts';
import type { Atlas } from '../faults/index.ts';
import type { History, Op } from '../history/index.ts';
import type { World } from '../world/index.ts';
import type { CommittedMetadata } from './committed-metadata.ts';
import type { FinalLogs } from './final-logs.ts';
import type { Ledger } from './ledger.ts';

export interface CheckContext {
  readonly world: World;
  readonly cluster: SimCluster;
  readonly atlas: Atlas;
  readonly history: History;
  /**
   * Whether a client asked to delete this topic, or faults harmed it more than the contract covers. From then
   * on nothing is promised about its records.
   */
  isDeleted(topic: string): boolean;
}

/** The shared knowledge of one run's checkers. */
export interface CheckScope extends CheckContext {
  readonly metadata: CommittedMetadata;
  readonly ledger: Ledger;
  readonly finalLogs: FinalLogs;
}

export interface Checker {
  /**
   * Called after each turn of a process of the cluster. Called very often, so it must be cheap unless
   * something moved.
   */
  turn?(node: SimNode): void;
  /** Called when an operation of a client ends. */
  op?(op: Op): void;
  /** Called at the end: faults are long over, everything is in sync, every client has stopped. */
  finish?(): void;
}

/** Creates a checker for each run. */
export interface CheckerKind {
  /** Kebab-case, unique; a violation carries it. */
  readonly name: string;
  /** What must hold, in one sentence. */
  readonly sentence: string;
  make(scope: CheckScope): Checker;
}
