/**
 * Bad disks for tests with real processes: a small file system that can be full, and a library that makes
 * writes and syncs fail. If the machine cannot provide such a disk, the function returns the reason to skip
 * the test.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';

/** Mounts a tmpfs of this size. If this process cannot do that, returns the reason. */
export function mountSmallDisk(folder: string, mebibytes: number): string | undefined {
  if (process.platform !== 'linux') return 'only Linux has tmpfs';
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'millrace-test', folder]);
  if (mounted.error !== undefined) return `cannot run mount: ${mounted.error.message}`;
  return mounted.status === 0 ? undefined : `cannot mount a tmpfs: ${mounted.stderr.toString().trim()}`;
}

export function unmount(folder: string): void {
  spawnSync('umount', ['--lazy', folder]);
}

export function usableBytes(folder: string): number {
  const { bavail, bsize } = fs.statfsSync(folder);
  return bavail * bsize;
}

/** A file that takes space, like a file of another program. */
export class Ballast {
  private readonly path: string;

  constructor(folder: string) {
    this.path = join(folder, 'ballast');
  }

  /** Fills the file system until this much is left; 0: until a write fails. */
  fillTo(leftBytes: number): void {
    const descriptor = fs.openSync(this.path, 'a');
    try {
      for (const sizeBytes of [1 << 20, 1 << 12])
        while (usableBytes(this.path) - sizeBytes >= leftBytes)
          fs.writeSync(descriptor, Buffer.alloc(sizeBytes, 7));
    } catch (error) {
      // The broker may have taken the last bytes meanwhile.
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      fs.closeSync(descriptor);
    }
  }

  remove(): void {
    fs.rmSync(this.path, { force: true });
  }
}

/** Compiles the library into the folder, or returns the reason why it cannot. */
export function compileFailingDisk(
  folder: string,
): { readonly library: string } | { readonly reason: string } {
  if (process.platform !== 'linux') return { reason: 'only Linux has LD_PRELOAD' };
  const library = join(folder, 'failing-disk.so');
  const source = join(import.meta.dirname, 'failing-disk.c');
  const compiled = spawnSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source]);
  if (compiled.error !== undefined) return { reason: `there is no C compiler: ${compiled.error.message}` };
  return compiled.status === 0 ? { library } : { reason: `cc failed: ${compiled.stderr.toString().trim()}` };
}

/** Sets the faults of processes that preload the library. */
export class Faults {
  readonly env: Readonly<Record<string, string>>;
  private readonly path: string;

  constructor(folder: string, library: string) {
    this.path = join(folder, 'faults');
    this.env = { LD_PRELOAD: library, MILLRACE_FAULTS: this.path };
  }

  /** From now on these calls fail for every file whose path contains `part`. */
  set(code: 'EIO' | 'EROFS', calls: 'write' | 'sync' | 'write,sync', part: string): void {
    fs.writeFileSync(this.path, `${constants.errno[code]} ${calls} ${part}\n`);
  }

  clear(): void {
    fs.rmSync(this.path, { force: true });
  }
}
