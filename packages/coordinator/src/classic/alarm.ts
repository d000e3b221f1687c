/**
 * A deadline that moves often, for example a session. Moving it to a later time costs nothing: the timer
 * stays set, and sets itself again when it fires too early.
 */
import type { Millis } from '@millrace/base';
import type { ShardPort } from '../runtime/machine.ts';

export type AlarmPort = Pick<ShardPort, 'now' | 'after'>;

export class Alarm {
  private readonly port: AlarmPort;
  private readonly ring: () => void;
  private dueAt: Millis | undefined;
  private timerAt: Millis = 0;
  private cancelTimer: (() => void) | undefined;

  constructor(port: AlarmPort, ring: () => void) {
    this.port = port;
    this.ring = ring;
  }

  get isSet(): boolean {
    return this.dueAt !== undefined;
  }

  /** Rings once, after `delayMs`. Replaces an earlier deadline. */
  set(delayMs: Millis): void {
    const dueAt = this.port.now() + Math.max(0, delayMs);
    this.dueAt = dueAt;
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
    const { dueAt } = this;
    if (dueAt === undefined) return;
    if (dueAt > this.port.now()) {
      this.arm(dueAt);
      return;
    }
    this.dueAt = undefined;
    this.ring();
  }
}
