/**
 * A port for alarms, with which a test can let the process stand still. Timers that become due meanwhile fire
 * late.
 */
import type { Millis } from '@millrace/base';
import type { AlarmPort } from '../../src/runtime/alarm.ts';

export class PausedPort implements AlarmPort {
  private time: Millis = 0;
  private readonly timers = new Set<{ readonly at: Millis; readonly fire: () => void }>();

  now(): Millis {
    return this.time;
  }

  after(delayMs: Millis, fire: () => void): () => void {
    const timer = { at: this.time + delayMs, fire };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  /** The process stands still for `ms`, and then fires the timers that are due. */
  pause(ms: Millis): void {
    this.time += ms;
    for (const timer of [...this.timers])
      if (timer.at <= this.time && this.timers.delete(timer)) timer.fire();
  }

  /** The process runs for `ms`. */
  run(ms: Millis): void {
    for (let passed = 0; passed < ms; passed++) this.pause(1);
  }
}
