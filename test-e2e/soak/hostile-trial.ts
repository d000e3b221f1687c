/**
 * Runs hostile clients of each kind beside the writers. Windows in which hostile clients send alternate with
 * quiet windows of the same length. After each kind three conditions must hold: every node is still the same
 * process, its peak memory is within the limit, and no writer has stalled.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster, ClusterNode } from '../lib/cluster.ts';
import { resetPeak, residentMiB } from '../lib/memory.ts';
import { StealMeter } from '../lib/stolen.ts';
import { measurePairs, type WindowPair } from './gap-judge.ts';
import { type HostileKind, type HostileSize, hostileKinds } from './hostile-kinds.ts';
import type { RunningWriter } from './writers.ts';

export interface HostileOptions extends HostileSize {
  /**
   * The least length of a window. With 0, the trial sends each variant of a kind once, and compares no gaps.
   */
  readonly windowMs: number;
  /**
   * The least number of pairs of windows for each kind. While a writer seems to stall, the trial measures
   * more pairs, up to `pairsMax`.
   */
  readonly pairs: number;
  readonly pairsMax: number;
  /** No node may take more memory than this. */
  readonly residentMaxMiB: number;
  /** Only the kinds whose name contains this text run; undefined: all kinds. */
  readonly only?: string | undefined;
  readonly say: (line: string) => void;
}

/**
 * The shortest pause after a request. If a request takes longer, the pause is as long as the request took.
 * Without such a pause the machine would have no time for the others, because two cores run six nodes, both
 * writers and this process.
 */
const PAUSE_MIN_MS = 100;
/** The wait at the end of a window, so that the window includes the effects of its last request. */
const SETTLE_MS = 300;

/** Returns the violations. */
export async function runHostile(
  cluster: Cluster,
  writers: readonly RunningWriter[],
  options: HostileOptions,
): Promise<string[]> {
  const violations: string[] = [];
  let nodes = await cluster.nodes();
  const kinds = await hostileKinds(cluster, options);
  for (const kind of kinds.filter(({ name }) => name.includes(options.only ?? ''))) {
    for (const { pid } of nodes) resetPeak(pid);
    const steal = new StealMeter();
    const phase = new Phase(kind, writers, steal, options);
    const { tally, wrong, gaps } = await phase.run().finally(() => steal.stop());
    const peaks = nodes.map(({ pid }) => residentMiB(pid, 'VmHWM'));
    options.say(`${kind.name}: ${tally}; ${gaps}; most memory ${peaks.join(', ')} MiB`);
    const after = await cluster.nodes();
    wrong.push(...peaks.filter((mib) => mib > options.residentMaxMiB).map((mib) => `a node took ${mib} MiB`));
    wrong.push(...endedSince(nodes, after).map((id) => `node ${id} did not survive`));
    violations.push(...wrong.map((text) => `${kind.name}: ${text}`));
    if (endedSince(nodes, after).length > 0) await cluster.startAll();
    nodes = await cluster.nodes();
  }
  return violations;
}

/** The ids of the nodes whose process has changed or ended. */
export function endedSince(before: readonly ClusterNode[], after: readonly ClusterNode[]): number[] {
  return after.filter(({ pid }, i) => pid === undefined || pid !== before[i]?.pid).map(({ id }) => id);
}

class Phase {
  readonly #kind: HostileKind;
  readonly #writers: readonly RunningWriter[];
  readonly #steal: StealMeter;
  readonly #options: HostileOptions;
  readonly #tally = new Map<string, number>();
  #throws = 0;

  constructor(
    kind: HostileKind,
    writers: readonly RunningWriter[],
    steal: StealMeter,
    options: HostileOptions,
  ) {
    this.#kind = kind;
    this.#writers = writers;
    this.#steal = steal;
    this.#options = options;
  }

  async run(): Promise<{ tally: string; wrong: string[]; gaps: string }> {
    const wrong: string[] = [];
    const { windowMs, pairs, pairsMax } = this.#options;
    let gaps = 'no windows';
    if (windowMs === 0) {
      for (let i = 0; i < this.#kind.variants; i++) await this.#throwOnce();
    } else {
      await this.#throwOnce(); // The first call builds the batches, before the first window begins.
      const measured = await measurePairs(() => this.#pair(), { atLeast: pairs, atMost: pairsMax });
      const { quiet, hostile, isHeldUp } = measured;
      const names = this.#writers.map(({ name }) => name).join(', ');
      const control = this.#kind.throwPlain === undefined ? 'quiet' : 'with plain batches of the same size';
      gaps = `longest gaps of ${names} in ${measured.pairs} windows: ${control} ${quiet.join(', ')} ms, hostile ${hostile.join(', ')} ms`;
      if (isHeldUp) wrong.push(gaps);
    }
    const taken = [...this.#tally].filter(([word]) => !this.#kind.isRight(word));
    wrong.push(...taken.map(([word, count]) => `${count} times: ${word}`));
    const tally = [...this.#tally].map(([word, count]) => `${count} ${word}`).join(', ');
    return { tally, wrong, gaps };
  }

  async #throwOnce(): Promise<void> {
    this.#count(await this.#kind.throwOnce(this.#throws++));
  }

  #count(words: readonly string[]): void {
    for (const word of words) this.#tally.set(word, (this.#tally.get(word) ?? 0) + 1);
  }

  /** Measures a hostile window, and then a quiet window of exactly the same length. */
  async #pair(): Promise<WindowPair> {
    const started = Date.now();
    const throwsBefore = this.#throws;
    while (Date.now() - started < this.#options.windowMs) {
      const thrownAt = performance.now();
      await this.#throwOnce();
      await sleep(Math.max(PAUSE_MIN_MS, performance.now() - thrownAt));
    }
    const throwingMs = Date.now() - started;
    await sleep(SETTLE_MS);
    const lengthMs = Date.now() - started;
    await sleep(SETTLE_MS);
    const quietFrom = Date.now();
    await this.#throwPlain(this.#throws - throwsBefore, throwingMs);
    await sleep(Math.max(0, quietFrom + lengthMs - Date.now()));
    const longest = (from: number) =>
      this.#writers.map((writer) => writer.longestGapMs(from, from + lengthMs, this.#steal));
    return { hostile: longest(started), quiet: longest(quietFrom) };
  }

  /** If the kind has plain batches, sends `times` of them, spread evenly over `lengthMs`. */
  async #throwPlain(times: number, lengthMs: number): Promise<void> {
    const { throwPlain } = this.#kind;
    if (throwPlain === undefined) return;
    const started = Date.now();
    for (let i = 0; i < times; i++) {
      this.#count(await throwPlain(this.#throws - times + i));
      await sleep(Math.max(0, started + ((i + 1) * lengthMs) / times - Date.now()));
    }
  }
}
