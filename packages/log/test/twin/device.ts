/**
 * A device with a file system, and the disk that each process gets from it. The device outlives the
 * processes. A test makes it fail: the process dies at a chosen change of the disk, writes find no room,
 * one sync fails, the process has no descriptor left. A dead process can do nothing on its disk.
 */
import { type Disk, DiskError, type DiskFile, type DiskSpace, type Prng } from '@millrace/base';
import type { Content } from './content.ts';
import { Names, parentOf } from './names.ts';

/** Thrown where the process dies. */
export class Crash extends Error {
  override readonly name = 'Crash';
}

export class Device {
  readonly names = new Names();
  nowMs = 0;
  isFull = false;
  /** True: the next sync fails, and its pages never reach the device. */
  failsNextSync = false;
  /** Number of syncs that failed. */
  failedSyncs = 0;
  /** The most descriptors that the process may have. */
  descriptorsMax = Number.POSITIVE_INFINITY;
  /** True while the process stops. What it did not sync, the next process must not rely on. */
  isStopping = false;
  /** Number of calls that found no descriptor. */
  lacks = 0;
  /** Number of changes of the disk until the process dies. Undefined: it lives. */
  private left: number | undefined;
  private random: Prng;
  private process: ProcessDisk;

  constructor(random: Prng) {
    this.random = random;
    this.names.makeFolder('/data');
    this.names.beginSync('/')();
    this.process = new ProcessDisk(this);
  }

  /** The disk of the living process. */
  get disk(): ProcessDisk {
    return this.process;
  }

  /** What the device draws from now on. */
  draws(random: Prng): void {
    this.random = random;
  }

  /** The process dies within this number of changes of the disk; undefined: it lives. */
  crashWithin(changes: number | undefined): void {
    this.left = changes;
  }

  /** The process is dead. The system keeps running, so all written bytes and names stay. */
  kill(): void {
    this.process.die();
    this.left = undefined;
    this.isFull = false;
    this.failsNextSync = false;
    this.isStopping = false;
    this.descriptorsMax = Number.POSITIVE_INFINITY;
    for (const content of this.names.contents()) content.processDied();
    this.process = new ProcessDisk(this);
  }

  /** The machine loses power: what no sync covered is kept, lost or torn. */
  losePower(): void {
    this.kill();
    this.names.losePower(this.random);
    for (const content of this.names.contents()) content.losePower(this.random);
  }

  /** True if the next sync of some file reports a loss. */
  get hasUnreportedLoss(): boolean {
    return this.failsNextSync || [...this.names.contents()].some((content) => content.hasUnreportedLoss);
  }

  /** The system fails to write the unsynced sectors of a segment or index file, without a sync. */
  failWriteBack(random: Prng): void {
    const files = this.names.paths().filter((path) => /\.(log|index|timeindex)(\.[a-z]+)?$/.test(path));
    const contents = files.map((path) => this.names.file(path)!);
    const failing = contents.filter(({ mayFailWriteBack }) => mayFailWriteBack);
    if (failing.length > 0) failing[random.below(failing.length)]!.failWriteBack();
  }

  writeBack(): void {
    this.names.writeBack(this.random);
    for (const content of this.names.contents()) content.writeBack(this.random);
  }

  /** Called before each change. Returns whether the process dies now; then it may have done a part of it. */
  isFatal(): boolean {
    if (this.left === undefined || this.left-- > 0) return false;
    this.process.die();
    return true;
  }

  below(limit: number): number {
    return this.random.below(limit);
  }

  /** Runs a look at the log, for which there are always enough descriptors. */
  inspect<T>(look: () => T): T {
    const { descriptorsMax } = this;
    this.descriptorsMax = Number.POSITIVE_INFINITY;
    try {
      return look();
    } finally {
      this.descriptorsMax = descriptorsMax;
    }
  }
}

type Done = (error?: DiskError) => void;

class ProcessDisk implements Disk {
  readonly device: Device;
  private isDead = false;
  private openFiles = 0;
  /** Completions of syncs and removals that run. */
  private readonly waiting: (() => void)[] = [];

  constructor(device: Device) {
    this.device = device;
  }

  die(): void {
    this.isDead = true;
    this.waiting.length = 0;
  }

  /** Completes up to `count` syncs and removals, the oldest first. Returns whether it completed any. */
  settle(count = Number.MAX_SAFE_INTEGER): boolean {
    let left = count;
    for (; left > 0 && this.waiting.length > 0; left--) this.waiting.shift()!();
    return left < count;
  }

  open(path: string): DiskFile {
    this.takeDescriptor(path);
    let content = this.device.names.file(path);
    if (content === undefined) {
      this.checkRoom(path);
      this.change(() => {
        content = this.device.names.create(path);
        content.modifiedMs = this.device.nowMs;
      });
    }
    this.openFiles++;
    content!.descriptors++;
    return new ProcessFile(path, content!, this);
  }

  closed(): void {
    this.openFiles--;
  }

  exists(path: string): boolean {
    this.check();
    return this.device.names.file(path) !== undefined || this.device.names.isFolder(path);
  }

  list(directory: string): string[] {
    this.takeDescriptor(directory);
    return this.device.names.list(directory);
  }

  makeDirectory(directory: string): boolean {
    this.check();
    if (this.device.names.isFolder(directory)) return false;
    this.checkRoom(directory);
    this.change(() => this.device.names.makeFolder(directory));
    return true;
  }

  remove(path: string): void {
    this.change(() => this.device.names.remove(path));
  }

  removeInBackground(path: string, done: () => void = () => {}): void {
    this.check();
    this.waiting.push(() => {
      this.remove(path);
      done();
    });
  }

  rename(from: string, to: string): void {
    this.change(() => this.device.names.rename(from, to));
  }

  readFile(path: string): Uint8Array | undefined {
    this.takeDescriptor(path);
    return this.device.names.file(path)?.all();
  }

  writeFileAtomic(path: string, bytes: Uint8Array): void {
    const file = this.open(`${path}.tmp`);
    file.truncate(0);
    file.write(0, [bytes]);
    file.syncNow();
    file.close();
    this.rename(`${path}.tmp`, path);
    this.syncDirectory(parentOf(path));
  }

  syncFolder(directory: string, done: Done): void {
    this.check();
    const end = this.device.names.beginSync(directory);
    const lack = this.lackAt(directory);
    this.waiting.push(() => {
      const failure = lack ?? this.syncFailure(directory);
      if (failure === undefined) this.change(end);
      done(failure);
    });
  }

  syncDirectory(directory: string): void {
    this.takeDescriptor(directory);
    const failure = this.syncFailure(directory);
    if (failure !== undefined) throw failure;
    this.change(this.device.names.beginSync(directory));
  }

  space(): DiskSpace {
    return { totalBytes: 2e12, usableBytes: this.device.isFull ? 0 : 1e12 };
  }

  // ------------------------------------------------------------------ for the files

  check(): void {
    if (this.isDead) throw new Crash('the process is dead');
  }

  /** Throws if the process has no descriptor left. */
  private takeDescriptor(path: string): void {
    this.check();
    const lack = this.lackAt(path);
    if (lack !== undefined) throw lack;
  }

  private lackAt(path: string): DiskError | undefined {
    if (this.openFiles < this.device.descriptorsMax) return undefined;
    this.device.lacks++;
    return new DiskError('EMFILE', `${path}: too many open files`);
  }

  checkRoom(path: string): void {
    if (this.device.isFull) throw new DiskError('ENOSPC', `${path}: no space left on the device`);
  }

  /** Makes a change, unless the process dies first, or right behind it. */
  change(make: () => void): void {
    this.check();
    const isFatal = this.device.isFatal();
    if (!isFatal || this.device.below(2) === 0) make();
    this.check();
  }

  /** The number of bytes of a write that reach the file before the process dies. */
  bytesBeforeDeath(sizeBytes: number): number {
    this.check();
    return this.device.isFatal() ? this.device.below(sizeBytes + 1) : sizeBytes;
  }

  /** The failure of the sync that ends now, if it fails. */
  syncFailure(path: string, content?: Content): DiskError | undefined {
    this.check();
    const { device } = this;
    const reportsLoss = content?.reportsLoss() === true;
    if (!reportsLoss && !device.failsNextSync) return undefined;
    if (!reportsLoss) device.failsNextSync = false;
    device.failedSyncs++;
    // A process that dies now could not note that the sync failed.
    device.crashWithin(undefined);
    return new DiskError('EIO', `${path}: cannot be synced`);
  }

  later(end: () => void): void {
    this.waiting.push(end);
  }
}

class ProcessFile implements DiskFile {
  readonly path: string;
  private readonly content: Content;
  private readonly disk: ProcessDisk;
  private isClosed = false;

  constructor(path: string, content: Content, disk: ProcessDisk) {
    this.path = path;
    this.content = content;
    this.disk = disk;
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
    this.check();
    return this.content.read(position, target);
  }

  write(position: number, chunks: readonly Uint8Array[]): void {
    this.check();
    const { disk, content } = this;
    const { device } = disk;
    const sizeBytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    if (sizeBytes === 0) return;
    // A full disk may have room for a part of a write.
    let left = device.isFull ? device.below(sizeBytes) : disk.bytesBeforeDeath(sizeBytes);
    let at = position;
    for (const chunk of chunks) {
      const part = chunk.subarray(0, Math.min(left, chunk.length));
      if (part.length > 0) content.write(at, part);
      at += part.length;
      left -= part.length;
    }
    content.modifiedMs = device.nowMs;
    this.check();
    disk.checkRoom(this.path);
  }

  truncate(size: number): void {
    this.check();
    if (size > this.content.length) this.disk.checkRoom(this.path);
    this.disk.change(() => {
      this.content.truncate(size);
      this.content.modifiedMs = this.disk.device.nowMs;
    });
  }

  sync(done: Done): void {
    this.check();
    const { content, disk, path } = this;
    const sync = content.beginSync();
    disk.later(() => {
      const failure = disk.syncFailure(path, content);
      if (failure !== undefined) content.failSync(sync);
      else disk.change(() => content.endSync(sync));
      done(failure);
    });
  }

  syncNow(): void {
    this.check();
    const { content, disk, path } = this;
    const failure = disk.syncFailure(path, content);
    if (failure === undefined) {
      disk.change(() => content.syncNow());
      return;
    }
    content.failSync(content.beginSync());
    throw failure;
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.disk.closed();
    this.content.closed({ forgets: !this.disk.device.isStopping });
  }

  private check(): void {
    this.disk.check();
    if (this.isClosed) throw new DiskError('EBADF', `${this.path}: the file is closed`);
  }
}
