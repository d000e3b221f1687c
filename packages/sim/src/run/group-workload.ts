/** The clients of groups in a run. */
import type { Millis, Prng } from '@millrace/base';
import {
  type ClientEnv,
  COMMIT_VERSIONS,
  Committer,
  FETCH_VERSIONS,
  FIND_VERSIONS,
} from '../clients/index.ts';
import type { Scenario } from '../plan/index.ts';
import type { Micros } from '../world/index.ts';

export interface GroupSurroundings {
  readonly random: Prng;
  readonly scenario: Scenario;
  /** A machine that faults may strike. */
  machine(name: string): ClientEnv;
  /** The topics that clients use. */
  topics(): readonly string[];
  /** In a quiet phase the clients do less. */
  isQuiet(): boolean;
}

const PACES_MS: readonly Millis[] = [60, 120, 250];
/** Average time between two requests of a committer in a quiet phase. */
const QUIET_PACE_MS = 2_000;

const one = <T>(random: Prng, list: readonly T[]): T => list[random.below(list.length)]!;

export class GroupWorkload {
  private readonly surroundings: GroupSurroundings;
  private readonly committers: readonly Committer[];

  constructor(surroundings: GroupSurroundings) {
    this.surroundings = surroundings;
    const { random, scenario } = surroundings;
    this.committers = Array.from({ length: scenario.committers }, (_unused, index) =>
      this.makeCommitter(`g${index + 1}`, random.fork(`g${index + 1}`)),
    );
  }

  start(): void {
    for (const committer of this.committers) committer.start();
  }

  stop(): void {
    for (const committer of this.committers) committer.stop();
  }

  get isIdle(): boolean {
    return this.committers.every(({ isIdle }) => isIdle);
  }

  /** Describes a client that has achieved nothing since then. Undefined: there is none. */
  stuckSince(sinceUs: Micros): string | undefined {
    for (const { name, lastCommitUs, lastFetchUs } of this.committers) {
      if (lastCommitUs <= sinceUs) return `${name} cannot commit offsets`;
      if (lastFetchUs <= sinceUs) return `${name} cannot fetch offsets`;
    }
    return undefined;
  }

  private makeCommitter(name: string, random: Prng): Committer {
    const { machine, topics, isQuiet } = this.surroundings;
    const paceMs = one(random, PACES_MS);
    return new Committer(machine(name), {
      // Some groups have several committers, whose commits then replace each other.
      group: `simple-${1 + random.below(2)}`,
      topics,
      paceMs: () => (isQuiet() ? QUIET_PACE_MS : paceMs),
      commitVersion: one(random, COMMIT_VERSIONS),
      fetchVersion: one(random, FETCH_VERSIONS),
      findVersion: one(random, FIND_VERSIONS),
      requestTimeoutMs: one(random, [700, 2_000, 6_000]),
    });
  }
}
