/**
 * Measures the time that the host of this virtual machine took from the machine's processors, as Linux counts
 * it ("steal" in /proc/stat). A gap between acks that the host caused says nothing about a broker. On a
 * system that does not count steal, the time is 0.
 */
import { readFileSync } from 'node:fs';

/** The unit of times in /proc/stat. */
const TICK_MS = 10;
const SAMPLE_MS = 20;
/** The fields are user, nice, system, idle, iowait, irq, softirq and steal. */
const STEAL_FIELD = 7;

export interface StealSample {
  /** Milliseconds since 1970. */
  readonly wallMs: number;
  /** The stolen time since the machine started, in milliseconds, over all processors. */
  readonly stolenMs: number;
}

/**
 * Returns the most time that the host can have taken between two times, as far as the samples reach. The
 * increase from one sample to the next counts in full, even if only a part of that interval lies between the
 * two times.
 */
export function stolenBetween(samples: readonly StealSample[], from: number, to: number): number {
  let before: StealSample | undefined;
  let after: StealSample | undefined;
  for (const sample of samples) {
    if (sample.wallMs <= from) before = sample;
    after = sample;
    if (sample.wallMs >= to) break;
  }
  const start = before ?? samples[0];
  return start === undefined || after === undefined ? 0 : Math.max(0, after.stolenMs - start.stolenMs);
}

export class StealMeter {
  readonly #samples: StealSample[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#sample();
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS);
  }

  /** Both times are in milliseconds since 1970. */
  between(from: number, to: number): number {
    // The event loop may have been busy since the last sample.
    this.#sample();
    return stolenBetween(this.#samples, from, to);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #sample(): void {
    this.#samples.push({ wallMs: Date.now(), stolenMs: stolenNow() });
  }
}

function stolenNow(): number {
  try {
    const fields = /^cpu\s+(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1]?.split(/\s+/) ?? [];
    return Number(fields[STEAL_FIELD] ?? 0) * TICK_MS;
  } catch {
    return 0;
  }
}
