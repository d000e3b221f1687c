/**
 * A lock between processes: a folder that only one process can create. If the process that holds the lock is
 * dead, another process takes the lock over.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cacheFolder } from './paths.ts';

const WAIT_LIMIT_MS = 900_000;

/**
 * Runs `work` while this process holds the lock `name`. So no other process runs work under this name at the
 * same time.
 */
export async function withLock<T>(name: string, work: () => Promise<T>): Promise<T> {
  const folder = join(cacheFolder('locks'), name);
  const deadline = performance.now() + WAIT_LIMIT_MS;
  while (!tryTake(folder)) {
    if (performance.now() > deadline) throw new Error(`another process holds the lock ${folder}`);
    await sleep(100);
  }
  try {
    return await work();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function tryTake(folder: string): boolean {
  try {
    mkdirSync(folder);
    writeFileSync(join(folder, 'pid'), String(process.pid));
    return true;
  } catch {
    if (holderIsGone(folder)) rmSync(folder, { recursive: true, force: true });
    return false;
  }
}

function holderIsGone(folder: string): boolean {
  try {
    const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'));
    if (pid === 0) return false; // The folder is new, and its pid is not written yet.
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
