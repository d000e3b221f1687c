/**
 * Makes members send requests: at a fixed rate (`PacedLoad`), or as fast as the answers come (`fullLoad`).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Latencies } from './latencies.ts';
import type { Done, Member } from './member.ts';

/** Sends one request of the member; returns false if the member cannot send now. */
export type Send = (member: Member, done: Done) => boolean;

export const sendHeartbeat: Send = (member, done) => member.heartbeat(done);
export const sendCommit: Send = (member, done) => member.commit(done);

const TICK_MS = 2;
/** After the load has tried this many members, and none of them could send, it waits a moment. */
const TRIES_MAX = 100;

/**
 * Makes each member send once in each interval. The members are spread evenly over the interval. A latency
 * begins at the time when the request was due, so it includes delays of the load generator.
 */
export class PacedLoad {
  latencies = new Latencies();
  /**
   * How often a living member could not send when its request was due, for example because its last request
   * was not answered yet.
   */
  skipped = 0;
  #sent = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(members: readonly Member[], intervalMs: number, send: Send) {
    const start = performance.now();
    const gapMs = intervalMs / members.length;
    this.#timer = setInterval(() => {
      const now = performance.now();
      for (let due = start + this.#sent * gapMs; due <= now; due = start + this.#sent * gapMs) {
        const dueMs = due;
        const { latencies } = this;
        const member = members[this.#sent++ % members.length]!;
        const isSent = send(member, (outcome) => {
          if (outcome === 'ok') latencies.record(performance.now() - dueMs);
        });
        if (!isSent && !member.isDead) this.skipped++;
      }
    }, TICK_MS);
  }

  /** Forgets all earlier measurements. */
  restart(): void {
    this.latencies = new Latencies();
    this.skipped = 0;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/**
 * Keeps `inFlight` requests unanswered at any time. The members take turns. Returns the latencies of the
 * requests that succeeded.
 */
export async function fullLoad(
  members: readonly Member[],
  inFlight: number,
  durationMs: number,
  send: Send,
): Promise<Latencies> {
  const latencies = new Latencies();
  const end = performance.now() + durationMs;
  let next = 0;
  const one = () => {
    const start = performance.now();
    return new Promise<void>((done) => {
      for (let tries = 0; tries < TRIES_MAX; tries++) {
        const isSent = send(members[next++ % members.length]!, (outcome) => {
          const now = performance.now();
          if (outcome === 'ok' && now <= end) latencies.record(now - start);
          done();
        });
        if (isSent) return;
      }
      setTimeout(done, TICK_MS);
    });
  };
  const work = async () => {
    while (performance.now() < end) await one();
  };
  await Promise.race([
    Promise.all(Array.from({ length: inFlight }, work)),
    sleep(durationMs * 2 + 5000, undefined, { ref: false }),
  ]);
  return latencies;
}
