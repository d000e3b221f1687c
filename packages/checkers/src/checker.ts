/**
 * A checker of a history looks for one anomaly in the operations of clients. It knows nothing of nodes, so it
 * can judge runs of the simulator and runs of real processes.
 */
import type { FinalLogs } from './final-logs.ts';
import type { History, Op, TopicRef } from './history.ts';

/** Everything that a checker of a history may use. */
export interface HistoryScope {
  readonly history: History;
  /** For `finish` only: the run reads these logs at its end. */
  readonly finalLogs: FinalLogs;
  /**
   * Whether the system promises nothing about the topic's records from now on. For example, a client asked to
   * delete the topic, the topic allows unclean elections, or faults harmed the topic more than the durability
   * contract covers. If `topic` has no topic id: whether this is true of any topic with this name.
   */
  isExempt(topic: TopicRef): boolean;
  /** Whether a fault has misdirected a write of some disk, so that a leader may serve damaged batches. */
  mayServeDamage(): boolean;
  /**
   * Reports a broken promise. In the simulator, this call throws and so ends the run. `judgeHistory` collects
   * the reports.
   */
  report(checker: string, sentence: string): void;
  /** Counts a harmless event by its name. */
  count(what: string): void;
}

export interface HistoryChecker {
  /** Called once for each operation of a client, in the order in which the operations ended. */
  op?(op: Op): void;
  /**
   * Called at the end of the run. Then no fault is active, every producer has stopped, and the final logs are
   * available.
   */
  finish?(): void;
}

/** One kind of checker. `make` creates a checker for each run. */
export interface HistoryCheckerKind {
  /** The unique name in kebab-case. A violation carries it. */
  readonly name: string;
  /** The promise that the checker checks, in one sentence. */
  readonly sentence: string;
  // A property, not a method: TypeScript compares the parameters of methods less strictly. So for a method
  // the compiler would accept a checker whose `make` needs more than this scope.
  readonly make: (scope: HistoryScope) => HistoryChecker;
}
