/** Goal: clock, randomness, logs, folder lock and health keep their promises. Method: the real ones. */
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isUuid } from '@millrace/base';
import { afterAll, expect, test } from 'vitest';
import { NodeClock } from '../../src/io/clock.ts';
import { serveHealth } from '../../src/io/health.ts';
import { FolderInUseError, lockFolder, lockFolderSoon } from '../../src/io/lock-file.ts';
import { createLogger } from '../../src/io/logger.ts';
import { NodeRandom } from '../../src/io/random.ts';

const directory = fs.mkdtempSync(join(tmpdir(), 'millrace-host-'));
afterAll(() => fs.rmSync(directory, { recursive: true }));

test('soon: callbacks run after this turn, in order, with those that they add; an exception does not lose the rest', async () => {
  const clock = new NodeClock();
  const order: string[] = [];
  clock.soon(() => {
    order.push('a');
    clock.soon(() => order.push('c'));
  });
  clock.soon(() => order.push('b'));
  expect(order).toEqual([]);
  await new Promise(setImmediate);
  expect(order).toEqual(['a', 'b', 'c']);
});

test('timers fire once, and not when cancelled; very long timers do not spin', async () => {
  const clock = new NodeClock();
  const fired: string[] = [];
  clock.setTimer(1e12, () => fired.push('far')).cancel();
  const cancelled = clock.setTimer(1, () => fired.push('cancelled'));
  cancelled.cancel();
  const before = clock.monotonicMs();
  await new Promise<void>((resolve) => void clock.setTimer(20, resolve));
  expect(clock.monotonicMs() - before).toBeGreaterThanOrEqual(19);
  expect(Number.isInteger(clock.monotonicMs())).toBe(true);
  expect(fired).toEqual([]);
});

test('random: in range, all values, ids of the right form', () => {
  const random = new NodeRandom();
  const seen = new Set<number>();
  for (let i = 0; i < 1000; i++) {
    const value = random.below(7);
    expect(value).toBeGreaterThanOrEqual(0);
    expect(value).toBeLessThan(7);
    seen.add(value);
  }
  expect(seen.size).toBe(7);
  expect(isUuid(random.uuid())).toBe(true);
  expect(random.uuid()).not.toBe(random.uuid());
});

test('logs: one JSON object a line with stable event name, node and facts; errors have message and stack', async () => {
  const lines: string[] = [];
  const logger = await createLogger({
    level: 'info',
    format: 'json',
    nodeId: 4,
    destination: { write: (line) => void lines.push(line) },
  });
  logger.debug('leader-followed', { epoch: 3, leaderId: 2 });
  logger.child({ topic: 't' }).warn('control-message-refused', {
    method: 'm',
    peer: 'p',
    error: new Error('why'),
  });
  expect(lines).toHaveLength(1);
  const line = JSON.parse(lines[0]!) as Record<string, unknown>;
  const event = 'control-message-refused';
  expect(line).toMatchObject({ level: 'warn', node: 4, topic: 't', event, method: 'm' });
  expect(line['error']).toMatchObject({ message: 'why' });
  expect(line['time']).toMatch(/^\d{4}-.*Z$/);
});

test('a locked folder is refused with its name and the process; after release it is free', () => {
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

test('health: 503 until ready, then 200; 404 elsewhere', async () => {
  let ready = false;
  const metrics = { contentType: 'text/plain', text: async () => 'a_metric 1\n' };
  const health = await serveHealth(0, () => ({ ready, facts: { node: 4 } }), metrics);
  const url = `http://127.0.0.1:${health.port}/health`;
  expect((await fetch(url)).status).toBe(503);
  ready = true;
  const answer = await fetch(url);
  expect(answer.status).toBe(200);
  expect(await answer.json()).toEqual({ status: 'ready', node: 4 });
  expect((await fetch(`http://127.0.0.1:${health.port}/`)).status).toBe(404);
  const scraped = await fetch(`http://127.0.0.1:${health.port}/metrics`);
  expect([scraped.headers.get('content-type'), await scraped.text()]).toEqual(['text/plain', 'a_metric 1\n']);
  const broken = { contentType: 'text/plain', text: () => Promise.reject(new Error('a gauge failed')) };
  const other = await serveHealth(0, () => ({ ready, facts: {} }), broken);
  const refused = await fetch(`http://127.0.0.1:${other.port}/metrics`);
  expect([refused.status, await refused.text()]).toEqual([500, 'Error: a gauge failed\n']);
  await other.close();
  await expect(serveHealth(health.port, () => ({ ready, facts: {} }), metrics)).rejects.toThrow(
    /is taken by another program/,
  );
  await health.close();
});
