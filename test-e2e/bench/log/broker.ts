/** One broker and one controller of Millrace, each a process, for the measurements of `bench:log`. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Cluster, type ClusterNode, startMillrace } from '../../lib/cluster.ts';
import { createTopic } from '../../lib/wire.ts';
import { batchOf, fill, untilServed } from '../load.ts';

const VALUE_BYTES = 1000;
const RECORDS_PER_BATCH = 900;
const KEY_BYTES = 16;
const SEGMENTS = 8;
/** The syncs of the last records get this time to end. */
const SETTLE_MS = 2000;

export async function startBroker(settings: Record<string, string> = {}): Promise<Cluster> {
  return await startMillrace({ controllers: 1, brokers: 1, settings });
}

export async function brokerOf(cluster: Cluster): Promise<ClusterNode> {
  return (await cluster.nodes()).find(({ role }) => role === 'broker')!;
}

export interface LoopWatch {
  /** The longest delay of a process's event loop so far, in milliseconds; NaN if the process wrote none. */
  delayOf(pid: number | undefined): number;
  /** Nodes that start later do not measure, so the other sections measure nodes as users run them. */
  stop(): void;
}

/** Makes nodes that start from now on measure their event loops. */
export function watchLoops(folder: string): LoopWatch {
  const target = join(folder, 'loops');
  mkdirSync(target, { recursive: true });
  const options = process.env['NODE_OPTIONS'];
  process.env['MILLRACE_BENCH_LOOP'] = target;
  process.env['NODE_OPTIONS'] =
    `${options ?? ''} --import=${new URL('./loop-delay.ts', import.meta.url).href}`;
  return {
    delayOf: (pid) => {
      try {
        return Number(readFileSync(join(target, String(pid)), 'utf8'));
      } catch {
        return Number.NaN;
      }
    },
    stop: () => {
      delete process.env['MILLRACE_BENCH_LOOP'];
      if (options === undefined) delete process.env['NODE_OPTIONS'];
      else process.env['NODE_OPTIONS'] = options;
    },
  };
}

/**
 * A compacted topic with about this many dirty bytes. No log is dirtier than 1, so no cleaner begins before
 * `min.cleanable.dirty.ratio` becomes 0. Millrace cleans only what the device has, so the syncs get time to
 * end.
 */
export async function dirtyTopic(server: string, topic: string, bytes: number, keys: number): Promise<void> {
  const configs = {
    'cleanup.policy': 'compact',
    'segment.bytes': String(Math.ceil(bytes / SEGMENTS)),
    'min.cleanable.dirty.ratio': '1',
  };
  await createTopic(server, { name: topic, partitions: 1, replicas: 1, configs });
  await untilServed(server, topic, 1);
  await fill(server, topic, keyedBatches(bytes, keys));
  await sleep(SETTLE_MS);
}

/** Batches of just under 1 MB, with records of 1 KB: about `bytes` in all. The keys repeat. */
export function* keyedBatches(bytes: number, keys: number): Generator<Uint8Array> {
  const value = new Uint8Array(VALUE_BYTES);
  for (let at = 0; at < value.length; at++) value[at] = (at * 31) % 251;
  let record = 0;
  for (let done = 0; done < bytes; ) {
    const records = Array.from({ length: RECORDS_PER_BATCH }, () => {
      const key = Buffer.from(String(record++ % keys).padStart(KEY_BYTES, '0'));
      return { key, value };
    });
    const batch = batchOf(records);
    done += batch.length;
    yield batch;
  }
}
