/**
 * Goal: jobs run on worker threads, and each ends once, even when its worker dies. Method: real worker
 * threads.
 */
import type { JobKind, JobOutcome } from '@millrace/base';
import { MemoryLogger } from '@millrace/base/testing';
import { logJobs } from '@millrace/log';
import { buildBatch, Compression } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import { afterEach, expect, test } from 'vitest';
import { NodeJobs, type NodeJobsOptions } from '../../src/io/jobs.ts';
import { devour, die, fail, reverse, wait } from '../support/odd-jobs.ts';

const ODD = new URL('../support/odd-jobs-worker.ts', import.meta.url);
const logger = new MemoryLogger();
const pools: NodeJobs[] = [];
afterEach(() => Promise.all(pools.splice(0).map((pool) => pool.close())));

function open(options: Partial<NodeJobsOptions> = {}): NodeJobs {
  const pool = new NodeJobs({ logger, entry: ODD, ...options });
  pools.push(pool);
  return pool;
}

function run<P, V>(pool: NodeJobs, kind: JobKind<P, V>, bytes: Uint8Array, parameters: P) {
  return new Promise<JobOutcome<V>>((resolve) => {
    if (pool.start(kind, bytes, parameters, resolve) === undefined) resolve({ ok: false, reason: 'full' });
  });
}

const bytes = (...list: number[]) => new Uint8Array(list);

test('a job gets its own bytes, may change them, and returns them', async () => {
  const pool = open();
  const given = bytes(1, 2, 3);
  const pending = run(pool, reverse, given, { from: 0 });
  expect(await pending).toEqual({ ok: true, value: 3, bytes: bytes(3, 2, 1) });
  // The bytes moved to the worker, so this thread has none.
  expect(given.length).toBe(0);
  expect(await run(pool, reverse, bytes(1, 2, 3), { from: 1 })).toEqual({
    ok: true,
    value: 2,
    bytes: bytes(3, 2),
  });
  expect(await run(pool, reverse, bytes(), { from: 0 })).toEqual({ ok: true, value: 0, bytes: bytes() });
});

test('a node without jobs has no worker; an idle worker ends', async () => {
  const pool = open({ idleMs: 20 });
  expect(pool.workerCount).toBe(0);
  await run(pool, wait, bytes(), { ms: 0 });
  expect(pool.workerCount).toBe(1);
  await expect.poll(() => pool.workerCount).toBe(0);
  expect(await run(pool, wait, bytes(), { ms: 0 })).toMatchObject({ ok: true });
});

test('if the system cannot start a thread, start returns undefined and never calls back', async () => {
  const pool = open({ entry: new URL('no-such-scheme://worker') });
  expect(await run(pool, wait, bytes(), { ms: 0 })).toEqual({ ok: false, reason: 'full' });
  expect(logger.events.map(({ event }) => event)).toContain('job-worker-not-started');
  expect(pool.workerCount).toBe(0);
});

test('two jobs run at once; a third waits for a worker', async () => {
  const pool = open();
  await Promise.all([run(pool, wait, bytes(), { ms: 0 }), run(pool, wait, bytes(), { ms: 0 })]);
  const order: string[] = [];
  await Promise.all([
    run(pool, wait, bytes(), { ms: 300 }).then(() => order.push('long')),
    run(pool, wait, bytes(), { ms: 20 }).then(() => order.push('short')),
    run(pool, wait, bytes(), { ms: 0 }).then(() => order.push('waited')),
  ]);
  expect(order).toEqual(['short', 'waited', 'long']);
  expect(pool.workerCount).toBe(2);
});

test('a job that throws fails; its worker takes the next job', async () => {
  const pool = open({ workersMax: 1 });
  expect(await run(pool, fail, bytes(1), null)).toEqual({
    ok: false,
    reason: 'RangeError: this job always throws',
  });
  expect(await run(pool, reverse, bytes(1), { from: 0 })).toMatchObject({ ok: true });
});

test('a worker dies: its job fails with the reason, and a new worker runs the next job', async () => {
  const pool = open({ workersMax: 1, heapMaxMb: 32 });
  const [died, devoured, next] = await Promise.all([
    run(pool, die, bytes(), null),
    run(pool, devour, new Uint8Array(100_000), null),
    run(pool, reverse, bytes(1, 2), { from: 0 }),
  ]);
  expect(died).toEqual({ ok: false, reason: 'the worker died: exit code 7' });
  expect(devoured).toMatchObject({ ok: false, reason: expect.stringMatching(/^the worker died: .*memory/) });
  expect(next).toEqual({ ok: true, value: 2, bytes: bytes(2, 1) });
  expect(logger.events.filter(({ event }) => event === 'job-worker-died')).toHaveLength(2);
});

test('when too many jobs or bytes wait, start refuses a job', async () => {
  const pool = open({ workersMax: 1, waitingMax: 2, waitingBytesMax: 10 });
  const running = run(pool, wait, bytes(), { ms: 200 });
  const first = run(pool, reverse, new Uint8Array(8), { from: 0 });
  expect(await run(pool, reverse, new Uint8Array(3), { from: 0 })).toEqual({ ok: false, reason: 'full' });
  const second = run(pool, reverse, new Uint8Array(1), { from: 0 });
  expect(await run(pool, reverse, new Uint8Array(0), { from: 0 })).toEqual({ ok: false, reason: 'full' });
  for (const taken of [running, first, second]) expect(await taken).toMatchObject({ ok: true });
  expect(await run(pool, reverse, new Uint8Array(100), { from: 0 })).toMatchObject({ ok: true, value: 100 });
});

test('a cancelled job, waiting or running, does not call back; other jobs do', async () => {
  const pool = open({ workersMax: 1 });
  const heard: string[] = [];
  const running = pool.start(wait, bytes(), { ms: 50 }, () => heard.push('running'));
  const waiting = pool.start(reverse, bytes(1), { from: 0 }, () => heard.push('waiting'));
  const last = run(pool, reverse, bytes(1), { from: 0 });
  running!.cancel();
  waiting!.cancel();
  expect(await last).toMatchObject({ ok: true });
  expect(heard).toEqual([]);
});

test('close ends the workers and calls no job back', async () => {
  const pool = open({ workersMax: 1 });
  const heard: unknown[] = [];
  for (let i = 0; i < 3; i++) pool.start(wait, bytes(), { ms: 10_000 }, (outcome) => heard.push(outcome));
  const start = performance.now();
  await pool.close();
  expect(performance.now() - start).toBeLessThan(5_000);
  expect(pool.workerCount).toBe(0);
  expect(pool.start(wait, bytes(), { ms: 0 }, () => {})).toBeUndefined();
  expect(heard).toEqual([]);
});

test("the node's own worker serves every job of a log", async () => {
  const pool = new NodeJobs({ logger });
  pools.push(pool);
  const kinds = logJobs(compressionCodecs);
  const { findInBatch } = kinds;
  for (const kind of Object.values(kinds) as JobKind<never, unknown>[]) {
    const outcome = await run<never, unknown>(pool, kind, bytes(), undefined as never);
    expect(outcome).not.toMatchObject({ reason: 'no such job' });
  }
  const batch = buildBatch({
    records: [{ timestamp: 1000 }, { timestamp: 2000 }],
    baseTimestamp: 1000,
    compression: Compression.ZSTD,
    codecs: compressionCodecs,
  });
  expect(await run(pool, findInBatch, batch.slice(), { startOffset: 0, timestamp: 1500 })).toMatchObject({
    ok: true,
    value: { offset: 1, timestamp: 2000 },
  });
});
