/**
 * How many bytes may pass. The budget grows with the time, but a pause saves up no more than `BURST_MS`. It
 * begins empty, so the bytes that pass in any time never exceed the rate by more than one burst.
 */
const BURST_MS = 50;

export class ByteBudget {
  readonly #bytesPerMs: number;
  readonly #burst: number;
  #bytes = 0;
  #atMs: number;

  constructor(bytesPerSecond: number, nowMs: number) {
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#burst = Math.max(1, this.#bytesPerMs * BURST_MS);
    this.#atMs = nowMs;
  }

  /** Takes as many of `wanted` bytes as there are, whole bytes only, and returns their number. */
  take(wanted: number, nowMs: number): number {
    this.#grow(nowMs);
    const taken = Math.min(wanted, Math.floor(this.#bytes));
    this.#bytes -= taken;
    return taken;
  }

  /** The time until `take` gives all of `wanted` bytes, or a whole burst. */
  waitMs(wanted: number, nowMs: number): number {
    this.#grow(nowMs);
    return Math.max(0, (Math.min(wanted, this.#burst) - this.#bytes) / this.#bytesPerMs);
  }

  #grow(nowMs: number): void {
    this.#bytes = Math.min(this.#burst, this.#bytes + (nowMs - this.#atMs) * this.#bytesPerMs);
    this.#atMs = nowMs;
  }
}
