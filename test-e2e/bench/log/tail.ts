/**
 * The tail of a producer's latencies while the broker compacts another log, against the tail without a
 * compaction. One producer sends a record of 1 KB at a fixed pace with acks=all. A latency counts from the
 * time at which the request was due, so a stalled broker shows in every request that it delays.
 *
 * Each round first measures without a compaction, and then for as long as the compaction of a new log lasts.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { alterTopic, connect, createTopic } from '../../lib/wire.ts';
import { type Goals, percentileOf } from '../goals.ts';
import { batchOf, produce, untilServed } from '../load.ts';
import { brokerOf, dirtyTopic, startBroker } from './broker.ts';
import { millraceCleaning } from './cleaner-lines.ts';
import type { Sizes } from './options.ts';

const TOPIC = 'paced';
const PACE_MS = 2;
const QUIET_MS = 4000;
const KEYS = 50_000;
const LOOK_MS = 100;
const CLEANING_LIMIT_MS = 120_000;

export async function tail({ tailRounds, dirtyBytes }: Sizes, goals: Goals): Promise<void> {
  const cluster = await startBroker({ 'log.cleaner.backoff.ms': '100' });
  const server = cluster.bootstrapServers;
  try {
    await createTopic(server, { name: TOPIC, partitions: 1, replicas: 1 });
    await untilServed(server, TOPIC, 1);
    // Looks the broker up before the measurement: this starts a process, which would delay the producer.
    const { id } = await brokerOf(cluster);
    const log = join(cluster.folder!, 'data', `node-${id}`, 'node.log');
    // Warms up the broker.
    await latenciesUntil(server, sleep(QUIET_MS));
    for (let round = 0; round < tailRounds; round++) {
      const dirty = `dirty-${round}`;
      await dirtyTopic(server, dirty, dirtyBytes, KEYS);
      const quiet = await latenciesUntil(server, sleep(QUIET_MS));
      await alterTopic(server, dirty, { 'min.cleanable.dirty.ratio': '0' });
      const cleaning = await latenciesUntil(server, untilCleaned(log, dirty));
      const [alone, beside] = [percentileOf(quiet, 0.999), percentileOf(cleaning, 0.999)];
      goals.add({ title: 'p99.9 of produce without compaction', unit: 'ms' }, alone);
      goals.add({ title: 'p99.9 of produce during compaction', unit: 'ms' }, beside);
      const title = 'p99.9 of produce, during compaction to without';
      goals.add({ title, unit: 'x', atMost: 2 }, beside / alone);
    }
  } finally {
    await cluster.stop();
  }
}

/** Sends requests at the pace until `end` resolves, and returns their latencies. */
async function latenciesUntil(server: string, end: Promise<unknown>): Promise<number[]> {
  const client = await connect(server, CLEANING_LIMIT_MS);
  const records = batchOf([{ value: new Uint8Array(1000).fill(97) }]);
  const latencies: number[] = [];
  const sent: Promise<void>[] = [];
  let isOver = false;
  const over = end.finally(() => {
    isOver = true;
  });
  const start = performance.now();
  for (let due = start; !isOver; due += PACE_MS) {
    const wait = due - performance.now();
    // A timer may fire up to a millisecond early.
    if (wait > 0) await sleep(Math.ceil(wait));
    const noted = due;
    sent.push(
      produce(client, TOPIC, [{ index: 0, records }]).then(() => {
        latencies.push(performance.now() - noted);
      }),
    );
  }
  await Promise.all(sent);
  client.close();
  await over;
  return latencies;
}

async function untilCleaned(log: string, topic: string): Promise<void> {
  for (let waitedMs = 0; millraceCleaning(readFileSync(log, 'utf8'), topic) === undefined; ) {
    await sleep(LOOK_MS);
    waitedMs += LOOK_MS;
    if (waitedMs > CLEANING_LIMIT_MS) throw new Error(`the broker does not clean ${topic}`);
  }
}
