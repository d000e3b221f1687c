/**
 * A disk in memory. It also keeps the synced bytes of each file, so that a test can simulate a power loss.
 */
import type { Disk, DiskFile, DiskSpace } from '../seams.ts';
import { DiskError } from '../seams.ts';

interface Content {
  bytes: Uint8Array;
  length: number;
  /** The bytes on the device: they survive `losePower`. */
  synced: Uint8Array;
  modifiedMs: number;
}

export class MemoryDisk implements Disk {
  totalBytes = 2e12;
  usableBytes = 1e12;
  /** While a test sets this, `space` fails with this code. */
  failSpace: string | undefined;
  /** The wall time. A write sets the time of the file's last change to it. */
  nowWallMs = 0;
  /** While a test sets this, writes fail with this code. */
  failWrites: string | undefined;
  /** Number of calls that blocked until the device had the bytes. */
  deviceWaits = 0;
  private readonly files = new Map<string, Content>();
  private readonly directories = new Set<string>(['/', '.']);
  private readonly soon: (callback: () => void) => void;

  /**
   * `soon`: schedules the callbacks of `sync`. By default they run in the check phase of the event loop
   * (`setImmediate`).
   */
  constructor(soon: (callback: () => void) => void = (callback) => void setImmediate(callback)) {
    this.soon = soon;
  }

  /** Loses power: every file keeps only its synced bytes. */
  losePower(): void {
    for (const content of this.files.values()) {
      content.bytes = content.synced.slice();
      content.length = content.synced.length;
    }
  }

  open(path: string): DiskFile {
    if (!this.directories.has(parent(path))) throw new DiskError('ENOENT', `${path}: no such folder`);
    let content = this.files.get(path);
    if (content === undefined) {
      content = {
        bytes: new Uint8Array(0),
        length: 0,
        synced: new Uint8Array(0),
        modifiedMs: this.nowWallMs,
      };
      this.files.set(path, content);
    }
    return new MemoryFile(path, content, this, this.soon);
  }

  exists(path: string): boolean {
    return this.files.has(path) || this.directories.has(path);
  }

  list(directory: string): string[] {
    const prefix = directory === '/' ? '/' : `${directory}/`;
    const names = new Set<string>();
    for (const path of [...this.files.keys(), ...this.directories]) {
      if (path.startsWith(prefix) && path.length > prefix.length)
        names.add(path.slice(prefix.length).split('/')[0]!);
    }
    return [...names].sort();
  }

  makeDirectory(directory: string): boolean {
    const isNew = !this.directories.has(directory);
    for (let path = directory; !this.directories.has(path); path = parent(path)) this.directories.add(path);
    return isNew;
  }

  removeInBackground(path: string, done?: () => void): void {
    this.remove(path);
    if (done !== undefined) this.soon(done);
  }

  remove(path: string): void {
    for (const known of [...this.files.keys()]) {
      if (known === path || known.startsWith(`${path}/`)) this.files.delete(known);
    }
    for (const known of [...this.directories]) {
      if (known === path || known.startsWith(`${path}/`)) this.directories.delete(known);
    }
  }

  rename(from: string, to: string): void {
    if (!this.exists(from)) throw new DiskError('ENOENT', `${from}: no such file or folder`);
    this.remove(to);
    for (const [path, content] of [...this.files]) {
      if (path === from || path.startsWith(`${from}/`)) {
        this.files.delete(path);
        this.files.set(to + path.slice(from.length), content);
      }
    }
    for (const path of [...this.directories]) {
      if (path === from || path.startsWith(`${from}/`)) {
        this.directories.delete(path);
        this.directories.add(to + path.slice(from.length));
      }
    }
  }

  readFile(path: string): Uint8Array | undefined {
    const content = this.files.get(path);
    return content?.bytes.slice(0, content.length);
  }

  /** The bytes of the file that would survive a power loss; undefined when there is no file. */
  syncedBytes(path: string): Uint8Array | undefined {
    return this.files.get(path)?.synced.slice();
  }

  writeFileAtomic(path: string, bytes: Uint8Array): void {
    this.check(path);
    this.deviceWaits++;
    this.makeDirectory(parent(path));
    const content = { bytes: bytes.slice(), length: bytes.length, synced: bytes.slice() };
    this.files.set(path, { ...content, modifiedMs: this.nowWallMs });
  }

  syncFolder(_directory: string, done: (error?: DiskError) => void): void {
    this.soon(() => done());
  }

  syncDirectory(_directory: string): void {
    this.deviceWaits++;
  }

  space(path: string): DiskSpace {
    if (this.failSpace !== undefined) throw new DiskError(this.failSpace, `${path}: no answer of statfs`);
    return { totalBytes: this.totalBytes, usableBytes: this.usableBytes };
  }

  check(path: string): void {
    if (this.failWrites !== undefined) throw new DiskError(this.failWrites, `${path}: write refused`);
  }
}

class MemoryFile implements DiskFile {
  readonly path: string;
  private readonly content: Content;
  private readonly disk: MemoryDisk;
  private readonly soon: (callback: () => void) => void;

  constructor(path: string, content: Content, disk: MemoryDisk, soon: (callback: () => void) => void) {
    this.path = path;
    this.content = content;
    this.disk = disk;
    this.soon = soon;
  }

  size(): number {
    return this.content.length;
  }

  modifiedMs(): number {
    return this.content.modifiedMs;
  }

  read(position: number, target: Uint8Array): number {
    const count = Math.max(0, Math.min(target.length, this.content.length - position));
    target.set(this.content.bytes.subarray(position, position + count));
    return count;
  }

  write(position: number, chunks: readonly Uint8Array[]): void {
    this.disk.check(this.path);
    this.content.modifiedMs = this.disk.nowWallMs;
    let at = position;
    for (const chunk of chunks) {
      this.reserve(at + chunk.length);
      this.content.bytes.set(chunk, at);
      at += chunk.length;
      this.content.length = Math.max(this.content.length, at);
    }
  }

  truncate(size: number): void {
    this.reserve(size);
    this.content.bytes.fill(0, Math.min(size, this.content.length));
    this.content.length = size;
    this.content.modifiedMs = this.disk.nowWallMs;
  }

  sync(done: (error?: DiskError) => void): void {
    const synced = this.content.bytes.slice(0, this.content.length);
    this.soon(() => {
      this.content.synced = synced;
      done();
    });
  }

  syncNow(): void {
    this.disk.deviceWaits++;
    this.content.synced = this.content.bytes.slice(0, this.content.length);
  }

  close(): void {}

  private reserve(size: number): void {
    if (this.content.bytes.length >= size) return;
    const larger = new Uint8Array(Math.max(size, this.content.bytes.length * 2));
    larger.set(this.content.bytes);
    this.content.bytes = larger;
  }
}

function parent(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash > 0 ? path.slice(0, slash) : slash === 0 ? '/' : '.';
}
