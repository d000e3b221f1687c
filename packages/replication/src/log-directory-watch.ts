/**
 * Detects a log directory that failed as a whole: the device is gone, the file system became read-only, or
 * the folder was removed. A directory in which one log failed may still work. The watch probes the directory
 * by writing a file there: from time to time, and as soon as a replica's disk fails. One failed probe may be
 * transient, so only several in a row count.
 */
import type { DiskError, Logger, Millis, Timers } from '@millrace/base';

const FAILURES_MIN = 3;
const RETRY_MS: Millis = 250;

export interface LogDirectoryWatchPorts {
  readonly timers: Timers;
  readonly logger: Logger;
  /** Writes a file in the log directory; with `synced` also fsyncs it. Calls `done` in this turn or later. */
  probe(how: { readonly synced: boolean }, done: (error?: DiskError) => void): void;
  /** Called once, when the directory failed as a whole. */
  failed(reason: string): void;
}

export class LogDirectoryWatch {
  private readonly ports: LogDirectoryWatchPorts;
  private failures = 0;
  private isProbing = false;
  /** True once the directory failed as a whole. */
  hasFailed = false;

  constructor(ports: LogDirectoryWatchPorts) {
    this.ports = ports;
  }

  /**
   * Called from time to time. Probes without fsync. Does nothing if the last probe failed, because a retry is
   * due anyway.
   */
  look(): void {
    if (this.failures === 0) this.probe({ synced: false });
  }

  /** Called when a replica's disk failed. Probes soon, with fsync. */
  suspect(): void {
    if (this.failures > 0 || this.isProbing || this.hasFailed) return;
    this.isProbing = true;
    this.ports.timers.after(0, () => {
      this.isProbing = false;
      this.probe({ synced: true });
    });
  }

  private probe(how: { readonly synced: boolean }): void {
    if (this.isProbing || this.hasFailed) return;
    this.isProbing = true;
    this.ports.probe(how, (error) => {
      this.isProbing = false;
      if (error === undefined) this.failures = 0;
      else this.failed(error);
    });
  }

  private failed(error: DiskError): void {
    this.failures++;
    const { logger, timers } = this.ports;
    logger.error('log-directory-probe-failed', { failures: this.failures, reason: error.message });
    if (this.failures < FAILURES_MIN) {
      timers.after(RETRY_MS, () => this.probe({ synced: true }));
      return;
    }
    this.hasFailed = true;
    this.ports.failed(error.message);
  }
}
