/**
 * Goal: if writes or syncs of a broker fail, it refuses produce requests, serves the records that it has, and
 * loses no acknowledged record. Method: a broker in a process of its own, with a library that makes its
 * system calls fail. Skipped where there is no C compiler.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ErrorCode } from '@millrace/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { compileFailingDisk, Faults } from '../support/bad-disks.ts';
import { eventually, type TestClient } from '../support/client.ts';
import { TwoProcesses } from '../support/processes.ts';

const TOPIC = 'events';
const LIMIT_MS = 120_000;
const { NONE, KAFKA_STORAGE_ERROR } = ErrorCode;

let shared: string;
let compiled: ReturnType<typeof compileFailingDisk>;
let folder: string;
let faults: Faults;
let processes: TwoProcesses | undefined;
let client: TestClient;
let acknowledged: string[];

beforeAll(() => {
  shared = mkdtempSync(join(tmpdir(), 'millrace-failing-library-'));
  compiled = compileFailingDisk(shared);
});
afterAll(() => rmSync(shared, { recursive: true, force: true }));
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-failing-disk-'));
  acknowledged = [];
});
afterEach(() => {
  client?.close();
  processes?.kill();
  processes = undefined;
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

const reasonToSkip = () => ('reason' in compiled ? compiled.reason : undefined);

async function start(topicConfigs: Record<string, string> = {}): Promise<TwoProcesses> {
  if ('reason' in compiled) throw new Error(compiled.reason);
  const directory = join(folder, 'broker');
  mkdirSync(directory);
  faults = new Faults(folder, compiled.library);
  processes = await TwoProcesses.start(folder, { directory, settings: {}, env: faults.env });
  await processes.startBroker();
  client = await processes.connect();
  await client.createTopic(TOPIC, 1, 1, topicConfigs);
  await eventually(async () => ((await produce()) === NONE ? true : undefined));
  return processes;
}

async function produce(): Promise<number> {
  const value = `value ${acknowledged.length}`;
  const { errorCode } = await client.produce(TOPIC, 0, [value]);
  if (errorCode === NONE) acknowledged.push(value);
  return errorCode;
}

const fetched = async () => (await client.fetch(TOPIC, 0, 0)).values;

test(
  'EIO of writes: the broker refuses produce, serves fetches, and continues when writes work again',
  async ({ skip }) => {
    skip(reasonToSkip() !== undefined, reasonToSkip());
    const { broker } = await start();
    faults.set('EIO', 'write', `/${TOPIC}-0/`);
    for (let round = 0; round < 3; round++) expect(await produce()).toBe(KAFKA_STORAGE_ERROR);
    await expect.poll(() => broker.output).toContain('EIO');
    expect(await fetched()).toEqual(acknowledged);
    faults.clear();
    expect(await produce()).toBe(NONE);
    expect(await fetched()).toEqual(acknowledged);
    expect(broker.isRunning).toBe(true);
  },
  LIMIT_MS,
);

test(
  'EIO of a sync: the batch that waits for it is not acknowledged, and the replica is offline until a restart',
  async ({ skip }) => {
    skip(reasonToSkip() !== undefined, reasonToSkip());
    const running = await start({ 'flush.messages': '1' });
    faults.set('EIO', 'sync', `/${TOPIC}-0/`);
    expect(await produce()).toBe(KAFKA_STORAGE_ERROR);
    faults.clear();
    // The page cache may have dropped the bytes that it could not write, so a later sync proves nothing.
    expect(await produce()).toBe(KAFKA_STORAGE_ERROR);
    await expect.poll(() => running.broker.output).toContain('"partition-offline"');
    client.close();
    await running.broker.end('SIGTERM');
    await running.startBroker();
    client = await running.connect();
    await eventually(async () => ((await produce()) === NONE ? true : undefined));
    // The log may also have the record that the broker refused.
    expect(await fetched()).toEqual(expect.arrayContaining(acknowledged));
  },
  LIMIT_MS,
);

test(
  'if the file system becomes read-only, the broker ends itself with the reason, so that others can lead',
  async ({ skip }) => {
    skip(reasonToSkip() !== undefined, reasonToSkip());
    const running = await start();
    faults.set('EROFS', 'write,sync', '/broker/');
    expect(await produce()).toBe(KAFKA_STORAGE_ERROR);
    await eventually(async () => (running.broker.isRunning ? undefined : true));
    expect(running.broker.child.exitCode).toBe(1);
    await expect.poll(() => running.broker.output).toContain('has failed: ');
    faults.clear();
    await running.startBroker();
    client.close();
    client = await running.connect();
    await eventually(async () => ((await produce()) === NONE ? true : undefined));
    expect(await fetched()).toEqual(acknowledged);
  },
  LIMIT_MS,
);
