/**
 * Goal: at most one process holds a folder, and a dead process holds none. Method: real processes that live,
 * end, and become zombies.
 */
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiskError } from '@millrace/base';
import { afterAll, expect, test, vi } from 'vitest';
import { FolderInUseError, lockFolder, lockFolderSoon } from '../../src/io/lock-file.ts';

const directory = fs.mkdtempSync(join(tmpdir(), 'millrace-lock-'));
afterAll(() => fs.rmSync(directory, { recursive: true }));

test('the error for a locked folder names the process that holds it; after release the folder is free', () => {
  const lock = lockFolder(directory);
  expect(() => lockFolder(directory)).toThrow(FolderInUseError);
  expect(() => lockFolder(directory)).toThrow(`is in use by process ${process.pid}`);
  lock.release();
  const again = lockFolder(directory);
  lock.release();
  expect(() => lockFolder(directory)).toThrow(FolderInUseError);
  again.release();
  expect(fs.readdirSync(directory)).toEqual([]);
});

test('the lock of a process that has ended, or whose id another process has now, does not count', () => {
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  for (const stale of [`${pid} - x\n`, `${process.pid} 1@another-boot x\n`, 'garbage', '']) {
    fs.writeFileSync(join(directory, '.lock'), stale);
    lockFolder(directory).release();
  }
  expect(fs.readdirSync(directory)).toEqual([]);
});

test('on a full device the error names the lock file, and no file is left', () => {
  const write = vi.spyOn(fs, 'writeFileSync').mockImplementationOnce((path) => {
    // The system creates the file, and then has no space for its content.
    fs.closeSync(fs.openSync(path as string, 'w'));
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  });
  const lock = join(directory, '.lock');
  expect(() => lockFolder(directory)).toThrow(
    new DiskError('ENOSPC', `${lock}: no space left on the device`),
  );
  expect(fs.readdirSync(directory)).toEqual([]);
  write.mockRestore();
});

test('lockFolderSoon waits for a holder that is about to end, and refuses after a while if it does not', async () => {
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)']);
  fs.writeFileSync(join(directory, '.lock'), `${child.pid} - x\n`);
  await expect(lockFolderSoon(directory, 50)).rejects.toThrow(FolderInUseError);
  setTimeout(() => child.kill('SIGKILL'), 50);
  (await lockFolderSoon(directory, 10_000)).release();
});

test('the lock of a zombie does not count', async () => {
  // The shell becomes `sleep` and never waits for its child, which stays a zombie.
  const parent = spawn('sh', ['-c', 'true & echo $!; exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const pid = await new Promise<number>((resolve) =>
    parent.stdout.once('data', (text) => resolve(Number(text))),
  );
  fs.writeFileSync(join(directory, '.lock'), `${pid} - x\n`);
  (await lockFolderSoon(directory, 5000)).release();
  parent.kill('SIGKILL');
});
