/**
 * Latencies of many requests in little memory: counts per bucket. A bucket is at most 1/64 wide, relative to
 * its latency, so a percentile is at most 1.6 % too high.
 */

const BUCKETS_PER_OCTAVE = 64;
const SMALLEST_MS = 0.01;

export class Latencies {
  readonly #counts: number[] = [];
  #total = 0;

  get count(): number {
    return this.#total;
  }

  record(ms: number): void {
    const octaves = Math.log2(Math.max(ms, SMALLEST_MS) / SMALLEST_MS);
    const bucket = Math.ceil(octaves * BUCKETS_PER_OCTAVE);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#total++;
  }

  /** The upper bound of the bucket with this share of the latencies at or below it; NaN without latencies. */
  percentile(share: number): number {
    let left = Math.ceil(this.#total * share);
    if (left <= 0) return Number.NaN;
    for (const [bucket, count] of this.#counts.entries()) {
      left -= count ?? 0;
      if (left <= 0) return SMALLEST_MS * 2 ** (bucket / BUCKETS_PER_OCTAVE);
    }
    return Number.NaN;
  }
}
