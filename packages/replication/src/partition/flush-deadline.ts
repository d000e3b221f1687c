/**
 * `flush.ms`: the log flushes appended records within this time. A log has at most one deadline at a time. An
 * append sets a deadline if there is none. At the deadline, this class asks the owner to flush.
 */
import type { Millis } from '@millrace/base';
import type { PartitionLog } from '@millrace/log';
import type { PartitionPorts } from './ports.ts';

export class FlushDeadline {
  private readonly log: PartitionLog;
  private readonly after: PartitionPorts['after'];
  private readonly flush: () => void;
  private cancel: (() => void) | undefined;
  private armedForMs: Millis = 0;

  constructor(log: PartitionLog, after: PartitionPorts['after'], flush: () => void) {
    this.log = log;
    this.after = after;
    this.flush = flush;
  }

  /**
   * Sets the deadline if the log has unflushed records and no deadline for this setting. If `flushMs` is
   * infinite, the log never flushes by time.
   */
  consider(flushMs: Millis): void {
    if (this.cancel !== undefined && this.armedForMs !== flushMs) this.stop();
    if (flushMs === Number.POSITIVE_INFINITY || this.cancel !== undefined || !this.isBehind) return;
    this.armedForMs = flushMs;
    this.cancel = this.after(flushMs, () => {
      this.cancel = undefined;
      if (this.isBehind) this.flush();
    });
  }

  stop(): void {
    this.cancel?.();
    this.cancel = undefined;
  }

  private get isBehind(): boolean {
    return this.log.offline === undefined && this.log.recoveryPoint < this.log.endOffset;
  }
}
