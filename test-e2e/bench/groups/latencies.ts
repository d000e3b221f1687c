/**
 * Counts latencies in buckets, so that many requests need little memory. The upper bound of a bucket is 1.1 %
 * above its lower bound. So a percentile, which is an upper bound, is at most 1.1 % too high.
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

  /**
   * The latency that this share of the requests does not exceed, rounded up to the upper bound of its bucket.
   * NaN if there are no requests.
   */
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
