/**
 * Tracks whether one log works. A disk error is a return value. If a failed operation left no trace, its
 * result is KAFKA_STORAGE_ERROR. If a change failed halfway, or the error would recur, the log goes offline.
 */
import { DiskError, type Logger } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import { appendFailure } from './door/door.ts';
import { isLackOfDescriptors } from './files/retrying-disk.ts';
import { failedRead } from './segment/segments.ts';
import type { AppendFailure, ReadResult } from './types.ts';

export class LogHealth {
  /** Why the log refuses reads and writes; undefined = it works. */
  offline: string | undefined;
  private readonly logger: Logger;
  private readonly log: { readonly directory: string };

  constructor(logger: Logger, log: { readonly directory: string }) {
    this.logger = logger;
    this.log = log;
  }

  goOffline(reason: string): void {
    if (this.offline !== undefined) return;
    this.offline = reason;
    this.logger.error('log-went-offline', { directory: this.log.directory, reason });
  }

  /** Runs a change. A DiskError takes the log offline. */
  orOffline(change: () => void): void {
    try {
      change();
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      this.goOffline(`${error.code}: ${error.message}`);
    }
  }

  offlineFailure(): AppendFailure {
    return appendFailure(ErrorCode.KAFKA_STORAGE_ERROR, `the log is offline: ${this.offline}`);
  }

  /** The result of a failed write. Takes the log offline if every later write would fail too. */
  writeFailure(error: DiskError): AppendFailure {
    const { directory } = this.log;
    // `LogDirectory` reports a lack of descriptors, for all logs together.
    if (!isLackOfDescriptors(error))
      this.logger.error('log-write-failed', { directory, code: error.code, reason: error.message });
    const failure = appendFailure(
      ErrorCode.KAFKA_STORAGE_ERROR,
      `the log could not be written: ${error.code}`,
    );
    const damage = this.damageOf(error);
    return damage === undefined ? failure : { ...failure, damage };
  }

  /** The result of a read that failed or found damage. */
  refuseRead(offset: number, problem: DiskError | string): ReadResult {
    const reason = typeof problem === 'string' ? problem : problem.message;
    if (!isLackOfDescriptors(problem))
      this.logger.error('log-read-failed', { directory: this.log.directory, offset, reason });
    return failedRead(typeof problem === 'string' ? problem : this.damageOf(problem));
  }

  /**
   * Returns the damage to report, if any. EIO may concern only a few sectors, so the log stays online. Any
   * other permanent error (read-only file system, missing folder) would recur, so the log goes offline.
   */
  private damageOf(error: DiskError): string | undefined {
    if (error.code === 'EIO') return error.message;
    if (!error.isTransient) this.goOffline(`${error.code}: ${error.message}`);
    return undefined;
  }
}
