/** The Disk seam of one process. After its death the process cannot reach the disk. */
import { type Disk, DiskError, type DiskFile, type DiskSpace } from '@millrace/base';
import type { Life } from '../world/index.ts';
import type { FileContent } from './content.ts';
import type { SimDisk } from './disk.ts';
import { parentOf } from './folder.ts';
import type { SlowCall } from './slow-calls.ts';

type SyncDone = (error?: DiskError) => void;

export class SeamDisk implements Disk {
  private readonly disk: SimDisk;
  private readonly life: Life;

  constructor(disk: SimDisk, life: Life) {
    this.disk = disk;
    this.life = life;
  }

  open(path: string): DiskFile {
    this.enter('read');
    this.disk.checkDescriptors(path);
    let content = this.disk.tree.file(path);
    if (content === undefined) {
      this.disk.checkSpace(path);
      content = this.disk.tree.create(path);
      content.modifiedMs = this.life.clock.wallMs();
    }
    return new SeamFile(path, content, this.disk, this.life);
  }

  exists(path: string): boolean {
    this.disk.checkAlive(this.life);
    return this.disk.tree.file(path) !== undefined || this.disk.tree.isFolder(path);
  }

  list(directory: string): string[] {
    this.disk.checkAlive(this.life);
    return this.disk.tree.list(directory);
  }

  makeDirectory(directory: string): boolean {
    this.disk.checkAlive(this.life);
    if (this.disk.tree.isFolder(directory)) return false;
    this.enter('write');
    this.disk.checkSpace(directory);
    this.disk.tree.makeFolder(directory);
    return true;
  }

  remove(path: string): void {
    this.enter('write');
    if (this.exists(path)) this.disk.checkWritable(path);
    this.disk.tree.remove(path);
  }

  removeInBackground(path: string, done?: () => void): void {
    this.life.arrives(this.disk.latencyUs(), () => {
      if (this.disk.isWritable(path)) this.disk.tree.remove(path);
      done?.();
    });
  }

  rename(from: string, to: string): void {
    this.enter('write');
    this.disk.checkWritable(from);
    this.disk.tree.rename(from, to);
  }

  readFile(path: string): Uint8Array | undefined {
    this.enter('read');
    const content = this.disk.tree.file(path);
    if (content === undefined) return undefined;
    this.disk.checkDescriptors(path);
    this.disk.checkReadable(path, content.badSectors, 0, content.length);
    return content.all();
  }

  writeFileAtomic(path: string, bytes: Uint8Array): void {
    const temporary = `${path}.tmp`;
    const file = this.open(temporary);
    file.truncate(0);
    file.write(0, [bytes]);
    file.syncNow();
    this.rename(temporary, path);
    this.syncDirectory(parentOf(path));
  }

  syncFolder(directory: string, done: SyncDone): void {
    this.disk.checkAlive(this.life);
    const finish = this.disk.tree.beginSync(directory);
    this.life.arrives(this.disk.syncLatencyUs(directory), () => {
      // Names stay unsynced after a failure.
      const failed = this.disk.syncs.take(directory);
      if (failed === undefined) finish();
      done(failed?.error);
    });
  }

  syncDirectory(directory: string): void {
    this.enter('write');
    const failed = this.disk.syncs.take(directory);
    if (failed !== undefined) throw failed.error;
    this.disk.tree.syncFolder(directory);
  }

  space(_path: string): DiskSpace {
    return this.disk.space;
  }

  /** Begins a call that may block the process. */
  private enter(call: SlowCall): void {
    this.disk.checkAlive(this.life);
    this.disk.slowCalls.called(this.life, call);
  }
}

class SeamFile implements DiskFile {
  readonly path: string;
  private readonly content: FileContent;
  private readonly disk: SimDisk;
  private readonly life: Life;
  /** Callers of the sync that runs now; undefined while none runs. */
  private syncing: SyncDone[] | undefined;
  private waiting: SyncDone[] = [];
  private isClosed = false;

  constructor(path: string, content: FileContent, disk: SimDisk, life: Life) {
    this.path = path;
    this.content = content;
    this.disk = disk;
    this.life = life;
  }

  size(): number {
    this.check();
    return this.content.length;
  }

  modifiedMs(): number {
    this.check();
    return this.content.modifiedMs;
  }

  read(position: number, target: Uint8Array): number {
    this.enter('read');
    this.disk.checkDescriptors(this.path);
    this.disk.checkReadable(this.path, this.content.badSectors, position, target.length);
    return this.content.read(position, target);
  }

  write(position: number, chunks: readonly Uint8Array[]): void {
    this.enter('write');
    const { disk, path } = this;
    const sizeBytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    if (sizeBytes === 0) return;
    disk.checkSpace(path);
    let left = disk.bytesBeforeCrash(this.life, sizeBytes);
    const stray = disk.strayPlace(path, position);
    const content = stray === undefined ? this.content : disk.tree.file(stray.path)!;
    content.modifiedMs = this.life.clock.wallMs();
    let at = stray?.position ?? position;
    // A misdirected write lengthens this file as much as a correct write would.
    if (stray !== undefined && this.content.length < position + sizeBytes)
      this.content.truncate(position + sizeBytes);
    for (const chunk of chunks) {
      const part = chunk.subarray(0, Math.min(left, chunk.length));
      if (part.length > 0) content.write(at, part);
      at += part.length;
      left -= part.length;
    }
    disk.dieIfMeant();
  }

  truncate(size: number): void {
    this.enter('write');
    this.disk.checkWritable(this.path);
    if (size > this.content.length) this.disk.checkSpace(this.path);
    this.content.truncate(size);
    this.content.modifiedMs = this.life.clock.wallMs();
  }

  sync(done: SyncDone): void {
    this.check();
    this.waiting.push(done);
    if (this.syncing === undefined) this.startSync();
  }

  syncNow(): void {
    this.enter('write');
    if (!this.beginSync()()) throw this.syncError();
  }

  close(): void {
    this.isClosed = true;
  }

  private enter(call: SlowCall): void {
    this.check();
    this.disk.slowCalls.called(this.life, call);
  }

  private check(): void {
    this.disk.checkAlive(this.life);
    if (this.isClosed) throw new DiskError('EBADF', `${this.path}: the file is closed`);
  }

  private startSync(): void {
    this.syncing = this.waiting;
    this.waiting = [];
    const end = this.beginSync();
    this.life.arrives(this.disk.syncLatencyUs(this.path), () => {
      const error = end() ? undefined : this.syncError();
      const callers = this.syncing!;
      this.syncing = undefined;
      if (this.waiting.length > 0) this.startSync();
      for (const done of callers) done(error);
    });
  }

  private beginSync(): () => boolean {
    return this.content.beginSync(this.disk.syncs.take(this.path)?.pages, () => this.life.isAlive);
  }

  private syncError(): DiskError {
    return new DiskError('EIO', `${this.path}: cannot be synced`);
  }
}
