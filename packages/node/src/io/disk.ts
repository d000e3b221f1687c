/**
 * Disk over node:fs. Reads and writes are synchronous: they use the page cache. `sync` uses the thread pool,
 * and runs at most one fdatasync of a file at a time. Calls that arrive meanwhile share the next one (group
 * commit). A failure of the system becomes a DiskError that names the path; `removeInBackground` ignores
 * failures. Must never close a descriptor that a running fdatasync still uses.
 */
import fs from 'node:fs';
import { dirname } from 'node:path';
import { type Disk, DiskError, type DiskFile, type DiskSpace } from '@millrace/base';

type SyncDone = (error?: DiskError) => void;

interface SyncTimes {
  observeMs(durationMs: number): void;
}

export class NodeDisk implements Disk {
  readonly #syncTimes: SyncTimes | undefined;
  /**
   * Folders with a running fsync. The fsync covers the callers in `running`; those in `waiting` came later
   * and need the next one.
   */
  readonly #folders = new Map<string, { running: SyncDone[]; waiting: SyncDone[] }>();

  /** `syncTimes` measures every fdatasync that a file's `sync` runs; `syncNow` is not measured. */
  constructor(syncTimes?: SyncTimes) {
    this.#syncTimes = syncTimes;
  }

  open(path: string): DiskFile {
    const flags = fs.constants.O_RDWR | fs.constants.O_CREAT;
    return attempt(path, () => new NodeFile(path, fs.openSync(path, flags, 0o644), this.#syncTimes));
  }

  exists(path: string): boolean {
    return fs.existsSync(path);
  }

  list(directory: string): string[] {
    return attempt(directory, () => orWhenMissing(() => fs.readdirSync(directory).sort(), []));
  }

  makeDirectory(directory: string): boolean {
    return attempt(directory, () => fs.mkdirSync(directory, { recursive: true }) !== undefined);
  }

  remove(path: string): void {
    attempt(path, () => fs.rmSync(path, { recursive: true, force: true }));
  }

  removeInBackground(path: string, done: () => void = () => {}): void {
    fs.rm(path, { recursive: true, force: true }, () => done());
  }

  rename(from: string, to: string): void {
    attempt(from, () => fs.renameSync(from, to));
  }

  readFile(path: string): Uint8Array | undefined {
    return attempt(path, () => {
      // Check first: each new partition lacks some files, and an exception costs ten times as much as this
      // check.
      if (fs.statSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
      return orWhenMissing(() => fs.readFileSync(path), undefined);
    });
  }

  writeFileAtomic(path: string, content: Uint8Array): void {
    const temporary = `${path}.tmp`;
    attempt(path, () => {
      const descriptor = fs.openSync(temporary, 'w', 0o644);
      try {
        writeAll(descriptor, 0, [content]);
        fs.fsyncSync(descriptor);
      } finally {
        fs.closeSync(descriptor);
      }
      fs.renameSync(temporary, path);
    });
    this.syncDirectory(dirname(path));
  }

  syncFolder(directory: string, done: SyncDone): void {
    const syncs = this.#folders.get(directory);
    if (syncs !== undefined) {
      syncs.waiting.push(done);
      return;
    }
    this.#startFolderSync(directory, [done]);
  }

  #startFolderSync(directory: string, running: SyncDone[]): void {
    const syncs = { running, waiting: [] as SyncDone[] };
    this.#folders.set(directory, syncs);
    syncFolderFile(directory, (cause) => {
      this.#folders.delete(directory);
      if (syncs.waiting.length > 0) this.#startFolderSync(directory, syncs.waiting);
      const error = cause === undefined ? undefined : diskError(directory, cause);
      for (const done of running) done(error);
    });
  }

  syncDirectory(directory: string): void {
    attempt(directory, () => {
      const descriptor = fs.openSync(directory, fs.constants.O_RDONLY);
      try {
        fs.fsyncSync(descriptor);
      } finally {
        fs.closeSync(descriptor);
      }
    });
  }

  space(path: string): DiskSpace {
    return attempt(path, () => {
      const { blocks, bavail, bsize, frsize }: Statfs = fs.statfsSync(path);
      // The counts are in units of frsize. On virtiofs, for example, bsize is 256 times as large.
      const unit = frsize ?? bsize;
      return { totalBytes: safe(blocks * unit), usableBytes: safe(bavail * unit) };
    });
  }
}

/** Node before 24.16 gives no `frsize`. On most file systems, `frsize` equals `bsize`. */
type Statfs = Omit<fs.StatsFs, 'frsize'> & { readonly frsize?: number };

/** Some network file systems report more than 2^53 bytes. */
function safe(bytes: number): number {
  return Math.min(bytes, Number.MAX_SAFE_INTEGER);
}

function syncFolderFile(directory: string, done: (cause?: NodeJS.ErrnoException) => void): void {
  fs.open(directory, fs.constants.O_RDONLY, (openFailed, descriptor) => {
    if (openFailed !== null) {
      done(openFailed);
      return;
    }
    fs.fsync(descriptor, (syncFailed) => {
      fs.close(descriptor, () => done(syncFailed ?? undefined));
    });
  });
}

class NodeFile implements DiskFile {
  readonly path: string;
  readonly #descriptor: number;
  readonly #syncTimes: SyncTimes | undefined;
  /** Callers of the fdatasync that runs now; undefined while none runs. */
  #syncing: SyncDone[] | undefined;
  /**
   * Callers that came while an fdatasync ran. That fdatasync may miss their writes, so they wait for the next
   * one.
   */
  #waiting: SyncDone[] = [];
  #closed = false;

  constructor(path: string, descriptor: number, syncTimes: SyncTimes | undefined) {
    this.path = path;
    this.#descriptor = descriptor;
    this.#syncTimes = syncTimes;
  }

  size(): number {
    return attempt(this.path, () => fs.fstatSync(this.#open()).size);
  }

  modifiedMs(): number {
    return attempt(this.path, () => Math.floor(fs.fstatSync(this.#open()).mtimeMs));
  }

  read(position: number, target: Uint8Array): number {
    return attempt(this.path, () => {
      let filled = 0;
      while (filled < target.length) {
        const count = fs.readSync(this.#open(), target, filled, target.length - filled, position + filled);
        if (count === 0) break;
        filled += count;
      }
      return filled;
    });
  }

  write(position: number, chunks: readonly Uint8Array[]): void {
    attempt(this.path, () => writeAll(this.#open(), position, chunks));
  }

  truncate(size: number): void {
    attempt(this.path, () => fs.ftruncateSync(this.#open(), size));
  }

  sync(done: SyncDone): void {
    attempt(this.path, () => this.#open());
    this.#waiting.push(done);
    if (this.#syncing === undefined) this.#startSync();
  }

  syncNow(): void {
    attempt(this.path, () => fs.fdatasyncSync(this.#open()));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#syncing === undefined) fs.closeSync(this.#descriptor);
  }

  #open(): number {
    if (this.#closed) throw Object.assign(new Error('the file is closed'), { code: 'EBADF' });
    return this.#descriptor;
  }

  #startSync(): void {
    this.#syncing = this.#waiting;
    this.#waiting = [];
    const startedMs = performance.now();
    fs.fdatasync(this.#descriptor, (cause) => {
      this.#syncTimes?.observeMs(performance.now() - startedMs);
      const callers = this.#syncing!;
      this.#syncing = undefined;
      if (this.#waiting.length > 0) this.#startSync();
      else if (this.#closed) fs.closeSync(this.#descriptor);
      const error = cause === null ? undefined : diskError(this.path, cause);
      for (const done of callers) done(error);
    });
  }
}

/** The system calls of writeAll. A test replaces them to simulate short writes. */
export interface WriteCalls {
  write(descriptor: number, chunk: Uint8Array, position: number): number;
  writev(descriptor: number, chunks: readonly Uint8Array[], position: number): number;
}

const systemCalls: WriteCalls = {
  write: (descriptor, chunk, position) => fs.writeSync(descriptor, chunk, 0, chunk.length, position),
  writev: (descriptor, chunks, position) => fs.writevSync(descriptor, chunks as Uint8Array[], position),
};

/**
 * Writes all chunks. One system call may write only a part (a signal, a nearly full device); then this
 * function writes the rest.
 */
export function writeAll(
  descriptor: number,
  position: number,
  chunks: readonly Uint8Array[],
  calls: WriteCalls = systemCalls,
): void {
  let pending = chunks;
  let at = position;
  for (;;) {
    pending =
      pending[0] !== undefined && pending[0].length > 0
        ? pending
        : pending.filter((chunk) => chunk.length > 0);
    if (pending.length === 0) return;
    const count =
      pending.length === 1 ? calls.write(descriptor, pending[0]!, at) : calls.writev(descriptor, pending, at);
    if (count === 0) throw Object.assign(new Error('nothing was written'), { code: 'EIO' });
    at += count;
    pending = withoutFirst(pending, count);
  }
}

function withoutFirst(chunks: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let left = bytes;
  let index = 0;
  while (index < chunks.length && left >= chunks[index]!.length) left -= chunks[index++]!.length;
  if (index === chunks.length) return [];
  return left === 0 ? chunks.slice(index) : [chunks[index]!.subarray(left), ...chunks.slice(index + 1)];
}

/** Runs file system calls. An error of the system becomes a DiskError that names `path`. */
export function attempt<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    if (isSystemError(cause)) throw diskError(path, cause);
    throw cause;
  }
}

function orWhenMissing<T>(action: () => T, missing: T): T {
  try {
    return action();
  } catch (cause) {
    if (isSystemError(cause) && cause.code === 'ENOENT') return missing;
    throw cause;
  }
}

function isSystemError(cause: unknown): cause is NodeJS.ErrnoException & { code: string } {
  const code = cause instanceof Error ? (cause as NodeJS.ErrnoException).code : undefined;
  // ERR_… codes are Node's errors for a wrong call. Such an error is a bug, not a disk failure.
  return code !== undefined && !code.startsWith('ERR_');
}

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left on the device',
  EDQUOT: 'the disk quota is used up',
  EIO: 'input/output error',
  EACCES: 'permission denied',
  EROFS: 'the file system is read-only',
  EMFILE: 'too many open files',
};

function diskError(path: string, cause: NodeJS.ErrnoException): DiskError {
  const code = cause.code ?? 'EIO';
  return new DiskError(code, `${path}: ${REASONS[code] ?? cause.message}`);
}
