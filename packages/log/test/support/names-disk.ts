/**
 * A disk in memory for simulated power losses. A power loss may keep any of the changes of names that no sync
 * covered, because file systems need not keep them in order. A power loss may also take the unsynced bytes of
 * any file, or (`afterAnyLoss`) any of the unsynced writes and truncations.
 */
import type { DiskError, DiskFile } from '@millrace/base';
import { MemoryDisk } from '@millrace/base/testing';

type Names = Map<string, number>;
type Change = (names: Names) => void;
/** Kinds of changes that a power loss may undo. */
export type Unsynced = 'name' | 'write' | 'truncation';

/** A write or a truncation. `edit` gets the bytes of a file, and returns the bytes after it. */
interface Edit {
  readonly kind: Unsynced;
  readonly edit: (bytes: Uint8Array) => Uint8Array;
}

/** What the device has of a file, and what no sync has covered yet. */
interface Edited {
  onDevice: Uint8Array;
  unsynced: Edit[];
}

export class NamesDisk extends MemoryDisk {
  /** Number of changes of names so far. */
  changes = 0;
  /** Called after each change of names, and after each completion of a sync. */
  changed: () => void = () => {};
  private readonly waiting: (() => void)[];
  private readonly names: Names = new Map();
  private readonly onDevice: Names = new Map();
  private unsynced: Change[] = [];
  private fileCount = 0;
  private isRenaming = false;
  /** Files that another one replaced under their name: the device may still have them. */
  private readonly replaced = new Map<number, MemoryDisk>();
  private readonly edited = new Map<number, Edited>();

  constructor() {
    const waiting: (() => void)[] = [];
    super((callback) => waiting.push(callback));
    this.waiting = waiting;
  }

  /** Runs the completions of syncs and removals, until none is left. */
  settle(): void {
    while (this.settleOne());
  }

  /** Runs the oldest of these completions. Returns false if there was none. */
  settleOne(): boolean {
    const next = this.waiting.shift();
    next?.();
    if (next !== undefined) this.changed();
    return next !== undefined;
  }

  /** Number of unsynced changes of names. */
  get unsyncedCount(): number {
    return this.unsynced.length;
  }

  /**
   * What a power loss leaves if it keeps the unsynced changes for which `isKept` returns true, and the
   * unsynced bytes of the files for which `hasBytes` returns true.
   */
  afterPowerLoss(isKept: (change: number) => boolean, hasBytes: (path: string) => boolean): MemoryDisk {
    const names = new Map(this.onDevice);
    for (const [index, change] of this.unsynced.entries()) if (isKept(index)) change(names);
    return this.withNames(names, hasBytes);
  }

  /**
   * What a power loss leaves if it keeps each unsynced change of names, each unsynced write and each unsynced
   * truncation for which `isKept` returns true, whatever their order was. `age`: 1 for the oldest unsynced
   * change of its kind, towards 0 for the newest one.
   */
  afterAnyLoss(isKept: (kind: Unsynced, age: number) => boolean): MemoryDisk {
    const names = new Map(this.onDevice);
    const { length } = this.unsynced;
    for (const [index, change] of this.unsynced.entries())
      if (isKept('name', 1 - index / length)) change(names);
    const disk = new MemoryDisk((callback) => callback());
    for (const [path, file] of names) {
      let { onDevice: bytes } = this.edited.get(file)!;
      const edits = this.edited.get(file)!.unsynced;
      for (const [index, { kind, edit }] of edits.entries())
        if (isKept(kind, 1 - index / edits.length)) bytes = edit(bytes);
      disk.writeFileAtomic(path, bytes);
    }
    return disk;
  }

  /** What the death of the process leaves. */
  afterKill(): MemoryDisk {
    return this.withNames(this.names);
  }

  private withNames(names: Names, hasBytes: (path: string) => boolean = () => true): MemoryDisk {
    const disk = new MemoryDisk((callback) => callback());
    const paths = new Map([...this.names].map(([path, file]) => [file, path]));
    for (const [path, file] of names) {
      const old = this.replaced.get(file);
      const [owner, source]: [MemoryDisk, string] = old ? [old, '/old'] : [this, paths.get(file) ?? ''];
      const bytes = hasBytes(path) ? owner.readFile(source) : owner.syncedBytes(source);
      if (bytes !== undefined) disk.writeFileAtomic(path, bytes);
    }
    return disk;
  }

  override open(path: string): DiskFile {
    const isNew = !this.exists(path);
    const file = super.open(path);
    if (isNew) {
      const number = this.fileCount++;
      this.edited.set(number, { onDevice: new Uint8Array(0), unsynced: [] });
      this.change((names) => names.set(path, number));
    }
    return recorded(file, this.edited.get(this.names.get(path)!)!);
  }

  override rename(from: string, to: string): void {
    this.keep(to);
    this.isRenaming = true;
    try {
      super.rename(from, to);
    } finally {
      this.isRenaming = false;
    }
    const file = this.names.get(from)!;
    this.change((names) => {
      if (names.get(from) === file) names.delete(from);
      names.set(to, file);
    });
  }

  override writeFileAtomic(path: string, bytes: Uint8Array): void {
    this.keep(path);
    super.writeFileAtomic(path, bytes);
    const number = this.fileCount++;
    this.edited.set(number, { onDevice: bytes.slice(), unsynced: [] });
    this.change((names) => names.set(path, number));
    for (const change of this.unsynced.splice(0)) change(this.onDevice);
  }

  /** Keeps the content of a file that another one is about to replace. */
  private keep(path: string): void {
    const number = this.names.get(path);
    const [bytes, synced] = [this.readFile(path), this.syncedBytes(path)];
    if (number === undefined || bytes === undefined || synced === undefined) return;
    const old = new MemoryDisk();
    old.writeFileAtomic('/old', synced);
    const file = old.open('/old');
    file.truncate(0);
    file.write(0, [bytes]);
    this.replaced.set(number, old);
  }

  override remove(path: string): void {
    const isThere = this.exists(path);
    super.remove(path);
    // A rename replaces a file in one step.
    if (isThere && !this.isRenaming) this.change((names) => names.delete(path));
  }

  override syncFolder(directory: string, done: (error?: DiskError) => void): void {
    const covered = this.unsynced.length;
    super.syncFolder(directory, () => {
      for (const change of this.unsynced.splice(0, covered)) change(this.onDevice);
      done();
    });
  }

  override syncDirectory(directory: string): void {
    super.syncDirectory(directory);
    for (const change of this.unsynced.splice(0)) change(this.onDevice);
  }

  private change(change: Change): void {
    change(this.names);
    this.unsynced.push(change);
    this.changes++;
    this.changed();
  }
}

/** The file, with a record of what no sync has covered yet. */
function recorded(file: DiskFile, edited: Edited): DiskFile {
  const synced = (covered: readonly Edit[]): void => {
    const isCovered = new Set(covered);
    for (const { edit } of edited.unsynced.filter((one) => isCovered.has(one)))
      edited.onDevice = edit(edited.onDevice);
    edited.unsynced = edited.unsynced.filter((one) => !isCovered.has(one));
  };
  const { write, truncate, sync, syncNow } = file;
  file.write = (position, chunks) => {
    write.call(file, position, chunks);
    let at = position;
    for (const chunk of chunks) {
      edited.unsynced.push(written(at, chunk.slice()));
      at += chunk.length;
    }
  };
  file.truncate = (size) => {
    truncate.call(file, size);
    const edit = (bytes: Uint8Array) => resized(bytes.subarray(0, size), size);
    edited.unsynced.push({ kind: 'truncation', edit });
  };
  file.sync = (done) => {
    const covered = [...edited.unsynced];
    sync.call(file, (error) => {
      if (error === undefined) synced(covered);
      done(error);
    });
  };
  file.syncNow = () => {
    syncNow.call(file);
    synced([...edited.unsynced]);
  };
  return file;
}

function written(position: number, chunk: Uint8Array): Edit {
  const edit = (bytes: Uint8Array): Uint8Array => {
    const result = resized(bytes, Math.max(bytes.length, position + chunk.length));
    result.set(chunk, position);
    return result;
  };
  return { kind: 'write', edit };
}

function resized(bytes: Uint8Array, size: number): Uint8Array {
  const result = new Uint8Array(size);
  result.set(bytes);
  return result;
}
