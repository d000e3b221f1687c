/**
 * The lock of a data folder: at most one running process holds it. Node has no flock, so the file names its
 * holder: the process id and, where the system gives it, the start time of that process. The lock of a
 * process that has ended is void. Containers that share a folder do not see each other's processes. In that
 * case LevelDB's own lock protects controllers, and nothing protects brokers.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { attempt } from './disk.ts';

export class FolderInUseError extends Error {
  override readonly name = 'FolderInUseError';
  /** The process that holds the lock, if known. */
  readonly pid: number | undefined;

  constructor(message: string, pid?: number) {
    super(message);
    this.pid = pid;
  }
}

export interface FolderLock {
  release(): void;
}

const NAME = '.lock';

/**
 * Like `lockFolder`, but waits a moment for the holder to end, because a killed process may still be exiting.
 */
export async function lockFolderSoon(directory: string, patienceMs = 1000): Promise<FolderLock> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    try {
      return lockFolder(directory);
    } catch (error) {
      const own = error instanceof FolderInUseError && error.pid === process.pid;
      if (!(error instanceof FolderInUseError) || own || performance.now() > deadline) throw error;
    }
    await sleep(25);
  }
}

/** Takes the lock of a folder that exists. Throws FolderInUseError or DiskError. */
export function lockFolder(directory: string): FolderLock {
  const path = join(directory, NAME);
  return attempt(path, () => take(directory, path));
}

function take(directory: string, path: string): FolderLock {
  const own = `${process.pid} ${startOf(process.pid) ?? '-'} ${crypto.randomUUID()}\n`;
  const temporary = `${path}.${process.pid}.${own.slice(-9, -1)}`;
  try {
    fs.writeFileSync(temporary, own);
    for (let attempt = 0; attempt < 10; attempt++) {
      if (tryLink(temporary, path)) return { release: () => release(path, own) };
      const held = readIfThere(path);
      if (held === undefined) continue;
      const pid = livingHolder(held);
      if (pid !== undefined) {
        throw new FolderInUseError(
          `the data folder ${directory} is in use by process ${pid}; stop that node, or give this one another folder in log.dirs`,
          pid,
        );
      }
      takeAway(path, held, `${temporary}.stale`);
    }
    throw new FolderInUseError(`the data folder ${directory} is being locked by other processes; try again`);
  } finally {
    fs.rmSync(temporary, { force: true });
  }
}

/**
 * Links the finished file to the lock's name. A link is atomic and fails if the lock file exists, so the lock
 * file is never without its content.
 */
function tryLink(from: string, to: string): boolean {
  try {
    fs.linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Removes a dead holder's lock. If another process took the lock meanwhile, tries to restore the other's
 * lock.
 */
function takeAway(path: string, expected: string, aside: string): void {
  try {
    fs.renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (fs.readFileSync(aside, 'utf8') !== expected) tryLink(aside, path);
  fs.rmSync(aside, { force: true });
}

function release(path: string, own: string): void {
  if (readIfThere(path) === own) fs.rmSync(path, { force: true });
}

function livingHolder(content: string): number | undefined {
  const [pidText, start] = content.trim().split(' ');
  const pid = Number(pidText);
  if (!Number.isInteger(pid) || pid < 1) return undefined;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return undefined;
  }
  const stat = readIfThere(`/proc/${pid}/stat`);
  if (stat !== undefined && hasEnded(stat)) return undefined;
  const startNow = startOf(pid);
  return startNow === undefined || start === '-' || startNow === start ? pid : undefined;
}

/**
 * Whether the process has ended. A zombie (state Z) has ended, although its parent has not waited for it yet.
 * A dead process (X) has ended too.
 */
function hasEnded(stat: string): boolean {
  return /^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
}

/** Start time of a process, in the system's ticks since boot, with the boot's id; undefined without /proc. */
function startOf(pid: number): string | undefined {
  const stat = readIfThere(`/proc/${pid}/stat`);
  const boot = readIfThere('/proc/sys/kernel/random/boot_id')?.trim();
  // The name of the program, in brackets, may contain blanks; the start time is field 22, the 20th after it.
  const start = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  return start === undefined || boot === undefined ? undefined : `${start}@${boot}`;
}

function readIfThere(path: string): string | undefined {
  try {
    return fs.readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
