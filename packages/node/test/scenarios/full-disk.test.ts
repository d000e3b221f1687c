/**
 * Goal: a broker on a full disk refuses produce and serves everything else. When there is room again, it
 * accepts records without a restart. It loses no acknowledged record. Method: a broker in a process of its
 * own, with its logs on a small tmpfs. Skipped where this process cannot mount a tmpfs.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apis, ErrorCode } from '@millrace/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Ballast, mountSmallDisk, unmount, usableBytes } from '../support/bad-disks.ts';
import { eventually, type TestClient } from '../support/client.ts';
import { TwoProcesses } from '../support/processes.ts';

const TOPIC = 'events';
const DISK_MIB = 64;
const MIN_FREE = 16 << 20;
/** Larger than a page, because a full tmpfs still accepts bytes for the rest of its last page. */
const VALUE_BYTES = 100_000;
const LIMIT_MS = 120_000;
const { NONE, KAFKA_STORAGE_ERROR } = ErrorCode;

let folder: string;
let disk: string;
let refusal: string | undefined;
let ballast: Ballast;
let processes: TwoProcesses | undefined;
let client: TestClient;
/** The values that the broker acknowledged. */
let acknowledged: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-full-disk-'));
  disk = join(folder, 'disk');
  mkdirSync(disk);
  refusal = mountSmallDisk(disk, DISK_MIB);
  ballast = new Ballast(disk);
  acknowledged = [];
});
afterEach(() => {
  client?.close();
  processes?.kill();
  processes = undefined;
  if (refusal === undefined) unmount(disk);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

async function start(settings: Record<string, string>): Promise<TwoProcesses> {
  const directory = join(disk, 'data');
  mkdirSync(directory);
  processes = await TwoProcesses.start(folder, {
    directory,
    settings: { 'replica.high.watermark.checkpoint.interval.ms': '500', ...settings },
  });
  await processes.startBroker();
  client = await processes.connect();
  await client.createTopic(TOPIC, 1, 1);
  await eventually(async () => ((await produce()) === NONE ? true : undefined));
  return processes;
}

async function produce(): Promise<number> {
  const value = `${acknowledged.length} `.padEnd(VALUE_BYTES, 'x');
  const { errorCode } = await client.produce(TOPIC, 0, [value]);
  if (errorCode === NONE) acknowledged.push(value);
  return errorCode;
}

async function produceUntil(errorCode: number): Promise<void> {
  await eventually(async () => ((await produce()) === errorCode ? true : undefined));
}

async function fetched(): Promise<string[]> {
  const values: string[] = [];
  for (;;) {
    const answer = await client.fetch(TOPIC, 0, values.length);
    expect(answer.errorCode).toBe(NONE);
    values.push(...answer.values);
    if (values.length >= answer.highWatermark) return values;
  }
}

/** Commits an offset in a group without members. */
async function commit(offset: number): Promise<number> {
  const partitions = [{ partitionIndex: 0, committedOffset: offset }];
  const answer = await client.call(apis.offsetCommit, 8, {
    groupId: 'readers',
    topics: [{ name: TOPIC, partitions }],
  });
  return answer.topics[0]!.partitions[0]!.errorCode;
}

async function coordinated(): Promise<void> {
  await eventually(async () => {
    const found = await client.call(apis.findCoordinator, 4, { keyType: 0, coordinatorKeys: ['readers'] });
    return found.coordinators[0]!.errorCode === NONE && (await commit(1)) === NONE ? true : undefined;
  });
}

test(
  'ENOSPC: the broker refuses produce, serves fetches, and continues with room; a kill loses no record',
  async ({ skip }) => {
    skip(refusal !== undefined, refusal);
    const { broker } = await start({ 'min.free.bytes': '0' });
    const { pid } = broker.child;
    ballast.fillTo(0);
    await produceUntil(KAFKA_STORAGE_ERROR);
    await expect.poll(() => broker.output).toContain('ENOSPC');
    expect(await fetched()).toEqual(acknowledged);
    ballast.remove();
    await produceUntil(NONE);
    expect(await fetched()).toEqual(acknowledged);
    expect(broker.isRunning).toBe(true);
    expect(processes!.broker.child.pid).toBe(pid);

    ballast.fillTo(0);
    await produceUntil(KAFKA_STORAGE_ERROR);
    client.close();
    await broker.end('SIGKILL');
    ballast.remove();
    await processes!.startBroker();
    client = await processes!.connect();
    await produceUntil(NONE);
    expect(await fetched()).toEqual(acknowledged);
  },
  LIMIT_MS,
);

test(
  'min.free.bytes: the broker refuses produce before the disk is full, but groups commit; with room it continues',
  async ({ skip }) => {
    skip(refusal !== undefined, refusal);
    const running = await start({ 'min.free.bytes': String(MIN_FREE) });
    await coordinated();
    expect(await running.metric('millrace_disk_space_low')).toBe(0);
    expect(await running.metric('millrace_disk_total_bytes')).toBe(DISK_MIB << 20);

    // Another program takes the space. The broker notices this when it next measures the free space.
    ballast.fillTo(MIN_FREE - (1 << 20));
    await produceUntil(KAFKA_STORAGE_ERROR);
    expect(await running.metric('millrace_disk_space_low')).toBe(1);
    expect(await running.metric('millrace_disk_usable_bytes')).toBe(usableBytes(disk));
    const health = { status: 'ready', refusesProduce: expect.stringContaining('min.free.bytes') };
    expect(await running.health()).toMatchObject(health);
    await expect.poll(() => running.broker.output).toContain('"disk-space-low"');
    expect(await fetched()).toEqual(acknowledged);
    expect(await commit(2)).toBe(NONE);

    ballast.remove();
    await produceUntil(NONE);
    expect(await running.metric('millrace_disk_space_low')).toBe(0);
    expect(await running.health()).toEqual({ status: 'ready', node: 2 });

    // Now the broker's own records take the space. The broker counts them, and stops before they use the
    // rest.
    await produceUntil(KAFKA_STORAGE_ERROR);
    expect(usableBytes(disk)).toBeGreaterThan(MIN_FREE - 2 * VALUE_BYTES);
    expect(await fetched()).toEqual(acknowledged);
    await running.stop();
    expect(running.broker.child.exitCode).toBe(0);
  },
  LIMIT_MS,
);
