/**
 * What a checker is: one promise of the durability contract, or one anomaly, held against everything that
 * happens. It looks at production objects and at what clients were told; it never changes anything. A broken
 * promise is thrown (`world.fail`) and ends the run.
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
   * Whether somebody asked for this topic to be deleted, or more was harmed than the contract covers: nothing
   * is promised about its records from then on.
   */
  isDeleted(topic: string): boolean;
}

/** What the checkers of one run know together. */
export interface CheckScope extends CheckContext {
  readonly metadata: CommittedMetadata;
  readonly ledger: Ledger;
  readonly finalLogs: FinalLogs;
}

export interface Checker {
  /** A process of the cluster has ended a turn. Called very often: cheap unless something moved. */
  turn?(node: SimNode): void;
  /** An operation of a client has ended. */
  op?(op: Op): void;
  /** Faults are long over, everything is in sync, every client has stopped. */
  finish?(): void;
}

/** What a checker is made by: once for each run. */
export interface CheckerKind {
  /** Kebab-case, unique; a violation carries it. */
  readonly name: string;
  /** What must hold, in one sentence. */
  readonly sentence: string;
  make(scope: CheckScope): Checker;
}
