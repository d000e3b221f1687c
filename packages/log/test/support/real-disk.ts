/** The smallest Disk over node:fs that these tests need. The disk of a real node is in the package `node`. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type Disk, DiskError, type DiskFile, type DiskSpace } from '@millrace/base';

export function temporaryDirectory(): string {
  return fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-log-'));
}

export class RealDisk implements Disk {
  open(name: string): DiskFile {
    return new RealFile(name);
  }
  exists(name: string): boolean {
    return fs.existsSync(name);
  }
  list(directory: string): string[] {
    return fs.existsSync(directory) ? fs.readdirSync(directory).sort() : [];
  }
  makeDirectory(directory: string): boolean {
    return fs.mkdirSync(directory, { recursive: true }) !== undefined;
  }
  removeInBackground(name: string, done: () => void = () => {}): void {
    this.remove(name);
    setImmediate(done);
  }
  remove(name: string): void {
    fs.rmSync(name, { recursive: true, force: true });
  }
  rename(from: string, to: string): void {
    fs.renameSync(from, to);
  }
  readFile(name: string): Uint8Array | undefined {
    return fs.existsSync(name) ? fs.readFileSync(name) : undefined;
  }
  writeFileAtomic(name: string, content: Uint8Array): void {
    fs.writeFileSync(`${name}.tmp`, content, { flush: true });
    fs.renameSync(`${name}.tmp`, name);
  }
  syncFolder(_directory: string, done: () => void): void {
    setImmediate(done);
  }

  syncDirectory(_directory: string): void {}
  space(name: string): DiskSpace {
    const { blocks, bavail, bsize } = fs.statfsSync(name);
    return { totalBytes: blocks * bsize, usableBytes: bavail * bsize };
  }
}

class RealFile implements DiskFile {
  readonly path: string;
  private readonly descriptor: number;
  private syncs = 0;
  private isClosed = false;

  constructor(name: string) {
    this.path = name;
    this.descriptor = fs.openSync(name, fs.constants.O_RDWR | fs.constants.O_CREAT);
  }
  size(): number {
    return fs.fstatSync(this.descriptor).size;
  }
  modifiedMs(): number {
    return fs.fstatSync(this.descriptor).mtimeMs;
  }
  read(position: number, target: Uint8Array): number {
    return fs.readSync(this.descriptor, target, 0, target.length, position);
  }
  write(position: number, chunks: readonly Uint8Array[]): void {
    let at = position;
    for (const chunk of chunks) at += fs.writeSync(this.descriptor, chunk, 0, chunk.length, at);
  }
  truncate(size: number): void {
    fs.ftruncateSync(this.descriptor, size);
  }
  sync(done: (error?: DiskError) => void): void {
    this.syncs++;
    fs.fdatasync(this.descriptor, (error) => {
      this.syncs--;
      if (this.isClosed && this.syncs === 0) fs.closeSync(this.descriptor);
      done(error === null ? undefined : new DiskError(error.code ?? 'EIO', error.message));
    });
  }
  syncNow(): void {
    fs.fdatasyncSync(this.descriptor);
  }
  /** The descriptor stays open until the syncs that run are done, as on the disk of a real node. */
  close(): void {
    this.isClosed = true;
    if (this.syncs === 0) fs.closeSync(this.descriptor);
  }
}
