/** A scenario: topics, clients, and the faults that a run draws from. */
import type { FaultKind, Victim } from './kinds.ts';

export interface TopicPlan {
  readonly name: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly config: Readonly<Record<string, string>>;
}

export interface ClientPlan {
  readonly role: 'writer' | 'reader' | 'group-member';
  readonly library: 'millrace';
  /** The name of one of the scenario's topics. */
  readonly topic: string;
  /** How many such clients there are. */
  readonly count: number;
  /** For a writer; -1 is `all`. */
  readonly acks: 0 | 1 | -1;
  readonly idempotent: boolean;
  /** The time between two records of a writer. */
  readonly paceMs: number;
  /** How many different keys the records have; 0: no keys. */
  readonly keys: number;
  /** For a group member; its commits go into the history. */
  readonly group: string;
  /** For a group member. `consumer` is KIP-848. */
  readonly protocol: 'classic' | 'consumer';
}

/** From the first to the second value, both included. */
export type Range = readonly [min: number, max: number];

export interface FaultPlan {
  readonly fault: FaultKind;
  readonly victim: Victim;
  /** How long the fault lasts. */
  readonly lastsMs: Range;
}

export interface Scenario {
  readonly name: string;
  /** What the scenario does, for somebody who never saw it. */
  readonly sentence: string;
  readonly topics: readonly TopicPlan[];
  readonly clients: readonly ClientPlan[];
  /** The time before the first fault. */
  readonly warmupMs: number;
  /** The time between the recovery from a fault and the next fault. */
  readonly pauseMs: Range;
  readonly faults: readonly FaultPlan[];
}
