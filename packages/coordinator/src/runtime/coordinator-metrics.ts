/**
 * The metrics of all coordinators of a broker. Each runtime registers here. The counters have the internal
 * topic as a label.
 */
import type { Millis } from '@millrace/base';
import type { Metrics } from '@millrace/metrics';

/**
 * `failed`: the partition has a corrupt batch or record, so the broker refuses all requests for the
 * partition.
 */
export type PartitionState = 'loading' | 'active' | 'failed';
const STATES: readonly PartitionState[] = ['loading', 'active', 'failed'];

export interface CoordinatorReadings {
  states(): Iterable<PartitionState>;
  /** The number of callbacks that wait for a commit. */
  waiting(): number;
}

/** The metrics of one topic's appends. */
export interface AppendMetrics {
  appended(records: number): void;
  committed(afterMs: Millis): void;
}

export class CoordinatorMetrics {
  private readonly runtimes = new Set<CoordinatorReadings>();
  private readonly loadTime;
  private readonly loadedRecords;
  private readonly appends;
  private readonly appendedRecords;
  private readonly commitTime;

  constructor(metrics: Metrics) {
    this.loadTime = metrics.histogram('millrace_coordinator_load_seconds');
    this.loadedRecords = metrics.counter('millrace_coordinator_loaded_records_total');
    this.appends = metrics.counter('millrace_coordinator_appends_total');
    this.appendedRecords = metrics.counter('millrace_coordinator_appended_records_total');
    this.commitTime = metrics.histogram('millrace_coordinator_commit_seconds');
    metrics.gauge('millrace_coordinator_partitions', () => this.partitionsByState());
    metrics.gauge('millrace_coordinator_waiting_decisions', () => this.waiting());
  }

  /** Returns a function that removes the runtime. */
  register(topic: string, readings: CoordinatorReadings): () => void {
    this.loadedRecords.add(0, topic);
    this.appends.add(0, topic);
    this.appendedRecords.add(0, topic);
    this.runtimes.add(readings);
    return () => this.runtimes.delete(readings);
  }

  loaded(topic: string, records: number, durationMs: Millis): void {
    this.loadTime.observeMs(durationMs);
    this.loadedRecords.add(records, topic);
  }

  appendsOf(topic: string): AppendMetrics {
    return {
      appended: (records) => {
        this.appends.add(1, topic);
        this.appendedRecords.add(records, topic);
      },
      committed: (afterMs) => this.commitTime.observeMs(afterMs),
    };
  }

  private partitionsByState(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>(STATES.map((state) => [state, 0]));
    for (const runtime of this.runtimes)
      for (const state of runtime.states()) counts.set(state, counts.get(state)! + 1);
    return counts;
  }

  private waiting(): number {
    let total = 0;
    for (const runtime of this.runtimes) total += runtime.waiting();
    return total;
  }
}
