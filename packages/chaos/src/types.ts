/** The facts that the wings of the package exchange. All times are in microseconds since the run began. */
import type { NodeId } from '@millrace/base';
import type { Micros, Op } from '@millrace/checkers';

/** How long a fault lasts, and which nodes it hits. */
export interface FaultFact {
  /** Counts the faults of the run from 1. */
  readonly id: number;
  /** The name of the kind, for example `crash-leader`. */
  readonly kind: string;
  /** Names the actor first, for example `kill -9 of broker 4, the leader of orders-0`. */
  readonly sentence: string;
  readonly nodes: readonly NodeId[];
  readonly fromUs: Micros;
  /** When the fault was healed. Undefined: it was not healed, because the run broke off. */
  readonly toUs: Micros | undefined;
}

/** The state of the cluster as a broker reports it in Metadata and DescribeQuorum. Sampled all the time. */
export interface ClusterSample {
  readonly atUs: Micros;
  /** Undefined: no broker answered. */
  readonly activeController: NodeId | undefined;
  readonly partitions: readonly {
    readonly topic: string;
    readonly partition: number;
    /** -1: no leader. */
    readonly leader: NodeId;
    readonly leaderEpoch: number;
    readonly isr: readonly NodeId[];
  }[];
  /** The state of each process. */
  readonly nodes: readonly { readonly id: NodeId; readonly state: 'running' | 'paused' | 'stopped' }[];
}

/** A client that writes or reads. */
export interface ClientFact {
  /** The name in the history (`Op.client`). */
  readonly name: string;
  readonly library: 'millrace' | 'librdkafka' | 'java';
  readonly role: 'writer' | 'reader' | 'group-member';
  readonly topic: string;
  /** For a writer. */
  readonly acks?: 0 | 1 | -1;
  readonly idempotent?: boolean;
}

/** The first line of a history. */
export interface RunFact {
  readonly format: 1;
  readonly scenario: string;
  /** What the scenario does, in one sentence. */
  readonly sentence: string;
  readonly seed: number;
  readonly target: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** The command that repeats the run. */
  readonly command: string;
  readonly clients: readonly ClientFact[];
  /** Topics whose records no setting promises to keep, and why: `acks=1 may lose records in a crash`. */
  readonly allowances: readonly { readonly topic: string; readonly checker: string; readonly why: string }[];
}

/** One line of the history file, a JSON object. `run` is the first line, `end` the last. */
export type HistoryLine =
  | ({ readonly line: 'run' } & RunFact)
  | { readonly line: 'op'; readonly op: Op }
  | ({ readonly line: 'fault-begins' } & Omit<FaultFact, 'toUs'>)
  | { readonly line: 'fault-ends'; readonly id: number; readonly toUs: Micros }
  | ({ readonly line: 'sample' } & ClusterSample)
  | {
      readonly line: 'lost-sequence' | 'damaged-batch';
      readonly client: string;
      readonly topic: string;
      readonly partition: number;
      readonly value?: string;
      readonly offset?: number;
    }
  /** What a consumer read from the beginning of a partition, after every writer had ended. */
  | {
      readonly line: 'final';
      readonly topic: string;
      readonly partition: number;
      readonly records: readonly {
        readonly offset: number;
        readonly value: string;
        readonly leaderEpoch: number;
      }[];
    }
  /** `isComplete` false: the run was interrupted, so there may be no final logs. */
  | { readonly line: 'end'; readonly atUs: Micros; readonly isComplete: boolean; readonly note: string };

/** An anomaly that the checker found. */
export interface Anomaly {
  /** The checker's name, for example `lost-write`. */
  readonly name: string;
  /** What the checker promises, in one sentence. */
  readonly promise: string;
  readonly sentence: string;
  readonly topic: string;
  readonly partition: number;
  /** Why the settings allow the anomaly. Undefined: they forbid it, so the run fails. */
  readonly allowedBecause: string | undefined;
  /** The operations around the anomaly, in the order of the history. */
  readonly around: readonly Op[];
}

export interface Verdict {
  readonly isGood: boolean;
  /** For example `No promise was broken: 34,120 acknowledged records were read back, 12 faults.`. */
  readonly sentence: string;
  readonly anomalies: readonly Anomaly[];
  /** How often the checkers counted an allowed event, by its name. */
  readonly counts: Readonly<Record<string, number>>;
}

/** The longest time without an acknowledgement of one client, in one fault. */
export interface FaultGap {
  readonly faultId: number;
  readonly client: string;
  readonly gapMs: number;
}

/** Everything that the report shows. */
export interface ReportModel {
  readonly run: RunFact;
  readonly durationUs: Micros;
  readonly isComplete: boolean;
  readonly verdict: Verdict;
  readonly faults: readonly FaultFact[];
  readonly gaps: readonly FaultGap[];
  readonly totals: readonly {
    readonly client: string;
    readonly sent: number;
    readonly acknowledged: number;
    readonly failed: number;
    readonly unknown: number;
    readonly read: number;
  }[];
  /** A sample only where something changed. */
  readonly samples: readonly ClusterSample[];
  /** One value for each step of the run, from its beginning. */
  readonly series: {
    readonly stepUs: Micros;
    /** Acknowledged records in a step, by client. */
    readonly acknowledged: Readonly<Record<string, readonly number[]>>;
    /** From the send to the acknowledgement, all writers together. Null: no acknowledgement in the step. */
    readonly latencyMedianMs: readonly (number | null)[];
    readonly latencyP99Ms: readonly (number | null)[];
    /** Batches that failed or whose outcome is unknown. */
    readonly failed: readonly number[];
  };
}
