/**
 * Goal: during a run no code can reach a real clock, file, socket or random source; before and after a run
 * everything works as usual.
 */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { lookup } from 'node:dns';
import { existsSync, promises as filePromises, readFileSync, stat } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect, Socket } from 'node:net';
import { hostname } from 'node:os';
import { performance as hooked } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { compressionCodecs } from '@millrace/protocol/io';
import { expect, test } from 'vitest';
import type { RunReport } from '../../src/index.ts';
import { guarded, OutsideError, simulateGuarded } from '../../src/io/index.ts';
import { planWith } from '../support/plans.ts';

const nothing = () => {};
const reaches: Record<string, () => unknown> = {
  'Date.now': () => Date.now(),
  'new Date': () => new Date(),
  Date: () => Date(),
  'performance.now': () => performance.now() + hooked.now(),
  'process.hrtime': () => process.hrtime(),
  'process.hrtime.bigint': () => process.hrtime.bigint(),
  'process.memoryUsage': () => process.memoryUsage(),
  setTimeout: () => setTimeout(nothing, 1),
  setInterval: () => setInterval(nothing, 1),
  setImmediate: () => setImmediate(nothing),
  queueMicrotask: () => queueMicrotask(nothing),
  'process.nextTick': () => process.nextTick(nothing),
  'timers/promises.setTimeout': () => sleep(1),
  'Math.random': () => Math.random(),
  'crypto.randomBytes': () => randomBytes(4),
  'crypto.randomUUID': () => randomUUID(),
  'crypto.getRandomValues': () => crypto.getRandomValues(new Uint8Array(4)),
  'fs.readFileSync': () => readFileSync('/etc/hostname'),
  'fs.existsSync': () => existsSync('/'),
  'fs.stat': () => stat('/', nothing),
  'fs/promises.readFile': () => readFile('/etc/hostname'),
  'fs/promises.stat': () => filePromises.stat('/'),
  'net.connect': () => connect(1, 'localhost'),
  'new net.Socket': () => new Socket(),
  'dns.lookup': () => lookup('localhost', nothing),
  'http.request': () => request('http://localhost:1'),
  'child_process.execFileSync': () => execFileSync('true'),
  'os.hostname': () => hostname(),
  fetch: () => fetch('http://localhost:1'),
};

test.each(Object.entries(reaches))('%s throws and names the caller', async (what, reach) => {
  // While vitest reports, it restores Node's own process.nextTick for one tick.
  await new Promise((resolve) => setImmediate(resolve));
  let caught: unknown;
  const { reached } = guarded(() => {
    try {
      reach();
    } catch (error) {
      caught = error;
    }
  });
  expect(caught).toBeInstanceOf(OutsideError);
  const sentence = `${what} was reached for inside of the simulation, by `;
  expect((caught as Error).message).toContain(sentence);
  expect((caught as Error).message).toMatch(/outside\.test\.ts:\d+\)?$/);
  expect(reached, 'though the error was swallowed').toBe((caught as Error).message);
});

test.each([
  ['an async function', async () => 1],
  ['new Promise', () => new Promise(nothing)],
  ['Promise.resolve', () => Promise.resolve(1)],
])('a promise is noted: %s', (_name, reach) => {
  const { reached } = guarded(() => void reach());
  expect(reached).toContain('a promise was reached for inside of the simulation, by ');
  expect(reached).toMatch(/outside\.test\.ts:\d+\)?$/);
});

test('code that stays inside of the simulation works', () => {
  const bytes = new TextEncoder().encode('abc');
  const { result, reached } = guarded(() => [
    gunzipSync(gzipSync(bytes)).toString(),
    zstdDecompressSync(zstdCompressSync(bytes)).toString(),
    createHash('md5').update('abc').digest('hex').length,
    new Date(0).toISOString(),
  ]);
  expect(result).toEqual(['abc', 'abc', 32, '1970-01-01T00:00:00.000Z']);
  expect(reached).toBeUndefined();
  expect(() => guarded(() => gunzipSync(new Uint8Array([1, 2, 3])))).toThrow('incorrect header check');
});

test('after a run everything works as before', async () => {
  guarded(nothing);
  expect(Date.now()).toBeGreaterThan(1.7e12);
  expect(new Date()).toBeInstanceOf(Date);
  expect(readFileSync(import.meta.filename, 'utf8')).toContain('afterwards');
  expect(await readFile(import.meta.filename, 'utf8')).toContain('afterwards');
  expect(new Socket()).toBeInstanceOf(Socket);
  await sleep(1);
  await new Promise((resolve) => setTimeout(resolve, 1));
  expect(() =>
    guarded(() => {
      throw new Error('mine');
    }),
  ).toThrow('mine');
  expect(Math.random()).toBeLessThan(1);
});

test.each([
  ['Date.now', () => Date.now()],
  ['a promise', () => void Promise.resolve()],
])('code of the product that reaches for the outside fails its run: %s', (what, reach) => {
  const codecs = {
    compress: compressionCodecs.compress,
    decompress(...args: Parameters<typeof compressionCodecs.decompress>) {
      reach();
      return compressionCodecs.decompress(...args);
    },
    unfold(...args: Parameters<typeof compressionCodecs.unfold>) {
      reach();
      compressionCodecs.unfold(...args);
    },
  };
  // Only some seeds have a client that compresses.
  let report: RunReport | undefined;
  for (let seed = 1; seed <= 20 && report?.checker !== 'stays-inside'; seed++)
    report = simulateGuarded(planWith(seed), codecs);
  expect(report?.verdict).toBe('violated');
  expect(report?.sentence).toContain(`${what} was reached for inside of the simulation, by `);
  expect(report?.sentence).toMatch(/outside\.test\.ts:\d+\)?$/);
});
