/** Counts the outcomes of many runs. Prints the sums at the end, and as progress while the runs continue. */
import type { RunSummary } from '@millrace/sim';
import { type Outcome, runsOf } from './outcome.ts';

/** The failures of one checker, or all crashes. */
export interface Failures {
  readonly seeds: number[];
  /** The sentence of the failure with the lowest seed. */
  sentence: string;
}

export class Tally {
  runs = 0;
  /** An integer, so that the sum does not depend on the order in which runs end. */
  private virtualUs = 0;
  events = 0;
  /** Counts of events over all runs. */
  readonly counts = new Map<string, number>();
  readonly failures = new Map<string, Failures>();
  readonly violated: RunSummary[] = [];
  readonly crashed: Outcome[] = [];
  private readonly startedMs: number;
  private readonly nowMs: () => number;

  constructor(nowMs: () => number = () => performance.now()) {
    this.nowMs = nowMs;
    this.startedMs = nowMs();
  }

  add(outcome: Outcome): void {
    const { seed, summary, crash } = outcome;
    this.runs++;
    if (summary !== undefined) {
      this.virtualUs += Math.round(summary.virtualSeconds * 1e6);
      this.events += summary.events;
      for (const [what, times] of Object.entries(summary.counts))
        this.counts.set(what, (this.counts.get(what) ?? 0) + times);
    }
    if (runsOf(outcome) === 'passed') return;
    if (summary === undefined) this.crashed.push(outcome);
    else this.violated.push(summary);
    this.note(summary?.checker ?? 'crashed', seed, summary?.sentence ?? crash ?? '');
  }

  get failed(): number {
    return this.violated.length + this.crashed.length;
  }

  get virtualSeconds(): number {
    return this.virtualUs / 1e6;
  }

  get wallSeconds(): number {
    return Math.max(0.001, (this.nowMs() - this.startedMs) / 1000);
  }

  get timesRealTime(): number {
    return this.virtualSeconds / this.wallSeconds;
  }

  /** For example `12 of 100 runs, 1 failed, 2.5 runs/s, 61 x real time`. */
  progress(total: number | undefined): string {
    const of = total === undefined ? '' : ` of ${total}`;
    const pace = (this.runs / this.wallSeconds).toFixed(1);
    return `${this.runs}${of} runs, ${this.failed} failed, ${pace} runs/s, ${this.timesRealTime.toFixed(0)} x real time`;
  }

  /** The summary at the end. It does not depend on the order in which runs ended. */
  text(): string {
    const lines = [...this.failures]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([checker, { seeds, sentence }]) => {
        const times = `${seeds.length} ${seeds.length === 1 ? 'run' : 'runs'}`;
        return `  ${checker}: ${times}, seeds ${listed(seeds)}; ${firstLine(sentence)}`;
      });
    const hours = (this.virtualSeconds / 3600).toFixed(2);
    const pace = Math.round((this.runs / this.wallSeconds) * 3600);
    return [
      `${this.runs} runs, ${hours} virtual hours in ${this.wallSeconds.toFixed(1)} s: ${this.timesRealTime.toFixed(0)} x real time, ${pace} runs/hour`,
      this.failed === 0 ? 'no promise was broken' : `${this.failed} failed:`,
      ...lines,
      ...this.skipped(),
    ].join('\n');
  }

  /** How often the checkers of compaction could not judge a log or a read. */
  private skipped(): string[] {
    const times = (what: string) => this.counts.get(what) ?? 0;
    return ['compacted log', 'read of a log with keys']
      .filter((what) => times(`${what} judged`) + times(`${what} not judged`) > 0)
      .map((what) => `${what}: judged ${times(`${what} judged`)}, not judged ${times(`${what} not judged`)}`);
  }

  /** The violation with the lowest seed for each checker, in the order of seeds. */
  examples(max: number): RunSummary[] {
    const bySeed = [...this.violated].sort((a, b) => a.seed - b.seed);
    const seen = new Set<string | null>();
    return bySeed.filter(({ checker }) => !seen.has(checker) && seen.add(checker)).slice(0, max);
  }

  /** The summary for programs. */
  json(): object {
    const { runs, failed, events } = this;
    return {
      runs,
      failed,
      events,
      virtualHours: this.virtualSeconds / 3600,
      wallSeconds: this.wallSeconds,
      timesRealTime: this.timesRealTime,
      runsPerHour: (runs / this.wallSeconds) * 3600,
      violations: [...this.violated]
        .sort((a, b) => a.seed - b.seed)
        .map(({ seed, hash, checker, sentence }) => ({ seed, hash, checker, sentence })),
      crashes: [...this.crashed].sort((a, b) => a.seed - b.seed),
      counts: Object.fromEntries([...this.counts].sort(([a], [b]) => (a < b ? -1 : 1))),
    };
  }

  private note(checker: string, seed: number, sentence: string): void {
    const known = this.failures.get(checker);
    if (known === undefined) {
      this.failures.set(checker, { seeds: [seed], sentence });
      return;
    }
    if (seed < Math.min(...known.seeds)) known.sentence = sentence;
    known.seeds.push(seed);
    known.seeds.sort((a, b) => a - b);
  }
}

const LISTED_MAX = 12;

function listed(seeds: readonly number[]): string {
  const more = seeds.length - LISTED_MAX;
  return `${seeds.slice(0, LISTED_MAX).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

export function firstLine(text: string): string {
  return text.split('\n', 1)[0]!;
}
