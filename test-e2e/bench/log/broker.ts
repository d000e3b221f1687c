/** One broker and one controller of Millrace, each a process, for the measurements of `bench:log`. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Cluster, type ClusterNode, startMillrace } from '../../lib/cluster.ts';
import { batchOf } from '../load.ts';

const VALUE_BYTES = 1000;
const RECORDS_PER_BATCH = 900;
const KEY_BYTES = 16;

export async function startBroker(settings: Record<string, string> = {}): Promise<Cluster> {
  return await startMillrace({ controllers: 1, brokers: 1, settings });
}

export async function brokerOf(cluster: Cluster): Promise<ClusterNode> {
  return (await cluster.nodes()).find(({ role }) => role === 'broker')!;
}

/**
 * Makes nodes that start from now on measure their event loops. Returns a function that reads the longest
 * delay of a process so far.
 */
export function watchLoops(folder: string): (pid: number | undefined) => number {
  const target = join(folder, 'loops');
  mkdirSync(target, { recursive: true });
  process.env['MILLRACE_BENCH_LOOP'] = target;
  process.env['NODE_OPTIONS'] =
    `${process.env['NODE_OPTIONS'] ?? ''} --import=${new URL('./loop-delay.ts', import.meta.url).pathname}`;
  return (pid) => {
    try {
      return Number(readFileSync(join(target, String(pid)), 'utf8'));
    } catch {
      return 0;
    }
  };
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
