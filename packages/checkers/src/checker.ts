/**
 * A checker of a history: it looks for one anomaly in what clients saw. It knows nothing of nodes, so it
 * judges the simulator's runs and runs of real processes.
 */
import type { FinalLogs } from './final-logs.ts';
import type { History, Op } from './history.ts';

/** All that a checker of a history may know. */
export interface HistoryScope {
  readonly history: History;
  /** Only for `finish`: the run reads them at its end. */
  readonly finalLogs: FinalLogs;
  /**
   * Whether nothing is promised about the topic's records from now on: a client asked to delete it, or faults
   * harmed it more than the durability contract covers.
   */
  isExempt(topic: string): boolean;
  /** Whether a fault has misdirected a write of some disk, so that a leader may serve damaged batches. */
  mayServeDamage(): boolean;
  /** Takes a broken promise. The simulator throws it and ends the run; a judge collects it. */
  report(checker: string, sentence: string): void;
  /** Counts an event that is no failure, by name. */
  count(what: string): void;
}

export interface HistoryChecker {
  /** Called when an operation of a client ends. */
  op?(op: Op): void;
  /** Called at the end: faults are long over, every client has stopped, the final logs are read. */
  finish?(): void;
}

/** Creates a checker for each run. */
export interface HistoryCheckerKind {
  /** Kebab-case, unique; a violation carries it. */
  readonly name: string;
  /** What must hold, in one sentence. */
  readonly sentence: string;
  // A property, not a method: for a method the compiler would accept a checker that needs more than this
  // scope.
  readonly make: (scope: HistoryScope) => HistoryChecker;
}
