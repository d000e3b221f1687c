/**
 * Tells a log that a sync of one of its files failed, when `OpenFiles` ran this sync. So a failed sync has
 * the same effects as any other: the file `sync-failed` says so, and the log goes offline. While recovery
 * opens the log, no log can go offline. Then the opening fails.
 */
import type { Disk, DiskError } from '@millrace/base';
import { noteFailedSync } from './failed-sync.ts';

export interface LossListener {
  /** Called at once, perhaps in the middle of a call of the same log or of another one. */
  lost(error: DiskError): void;
  /** Called after `lost`, when no call of a log is in progress. */
  tell(): void;
}

interface Watch {
  listener: LossListener | undefined;
  error: DiskError | undefined;
}

export class LostWrites {
  private readonly disk: Disk;
  private readonly soon: (callback: () => void) => void;
  /** The logs that are open or being opened, by their folders. */
  private readonly logs = new Map<string, Watch>();

  constructor(disk: Disk, soon: (callback: () => void) => void) {
    this.disk = disk;
    this.soon = soon;
  }

  /** Called before recovery opens the first file of the log. */
  watch(directory: string): void {
    this.logs.set(directory, { listener: undefined, error: undefined });
  }

  /** Called when the log is open. Returns a function to call when it is closed. */
  listen(directory: string, listener: LossListener): () => void {
    const watch: Watch = { listener, error: undefined };
    this.logs.set(directory, watch);
    return () => {
      // The log may have been opened again, as another object.
      if (this.logs.get(directory) === watch) this.logs.delete(directory);
    };
  }

  /** Called if the log could not be opened. */
  unwatch(directory: string): void {
    this.logs.delete(directory);
  }

  /**
   * Throws DiskError if a write to a file of this log was lost since `watch`. Recovery removes the file
   * `sync-failed` of an earlier run, so this notes the loss again.
   */
  check(directory: string): void {
    const error = this.logs.get(directory)?.error;
    if (error === undefined) return;
    noteFailedSync(this.disk, directory);
    throw error;
  }

  /** The sync of this file failed. May be called in the middle of a call of any log. */
  found(path: string, error: DiskError): void {
    const listener = this.note(path, error);
    if (listener !== undefined) this.soon(() => listener.tell());
  }

  /** Like `found`, for a caller that runs in a turn of its own. */
  foundInTurn(path: string, error: DiskError): void {
    this.note(path, error)?.tell();
  }

  private note(path: string, error: DiskError): LossListener | undefined {
    const directory = path.slice(0, path.lastIndexOf('/'));
    const watch = this.logs.get(directory);
    if (watch?.listener === undefined) noteFailedSync(this.disk, directory);
    if (watch === undefined) return undefined;
    watch.error ??= error;
    watch.listener?.lost(error);
    return watch.listener;
  }
}
