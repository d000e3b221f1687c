/**
 * A deadline that moves often, for example the end of a session. To move the deadline to a later time, the
 * alarm needs no new timer: when the old timer fires too early, the alarm sets a timer for the rest of the
 * time.
 *
 * If a timer fires late, the whole process stood still for a while. Requests of live members may still wait
 * unread in the sockets. So the alarm then waits for a grace period before it rings.
 */
import type { Millis } from '@millrace/base';
import type { ShardPort } from './machine.ts';

export type AlarmPort = Pick<ShardPort, 'now' | 'after'>;

/** A timer is late if it fires more than this after its time. */
export const LATE_MS: Millis = 500;
/** Enough to read and decide the requests that arrived while the process stood still. */
export const GRACE_MS: Millis = 1_000;

export class Alarm {
  private readonly port: AlarmPort;
  private readonly ring: () => void;
  private dueAt: Millis | undefined;
  private timerAt: Millis = 0;
  private cancelTimer: (() => void) | undefined;
  /**
   * Each deadline has one grace period at most. So the alarm rings even if the process stands still
   * repeatedly.
   */
  private hadGrace = false;

  constructor(port: AlarmPort, ring: () => void) {
    this.port = port;
    this.ring = ring;
  }

  get isSet(): boolean {
    return this.dueAt !== undefined;
  }

  /** Rings once, after `delayMs`. Replaces the deadline that was set before. */
  set(delayMs: Millis): void {
    const dueAt = this.port.now() + Math.max(0, delayMs);
    this.dueAt = dueAt;
    this.hadGrace = false;
    if (this.cancelTimer !== undefined && this.timerAt <= dueAt) return;
    this.cancelTimer?.();
    this.arm(dueAt);
  }

  clear(): void {
    this.dueAt = undefined;
    this.cancelTimer?.();
    this.cancelTimer = undefined;
  }

  private arm(dueAt: Millis): void {
    this.timerAt = dueAt;
    this.cancelTimer = this.port.after(Math.max(0, dueAt - this.port.now()), () => this.fire());
  }

  private fire(): void {
    this.cancelTimer = undefined;
    if (this.dueAt === undefined) return;
    const now = this.port.now();
    const graceEndsAt = now + GRACE_MS;
    // A deadline after the end of the grace period needs no grace now, and may get one later.
    if (now - this.timerAt > LATE_MS && !this.hadGrace && this.dueAt < graceEndsAt) {
      this.hadGrace = true;
      this.dueAt = graceEndsAt;
    }
    if (this.dueAt > now) {
      this.arm(this.dueAt);
      return;
    }
    this.dueAt = undefined;
    this.ring();
  }
}
