/** Runs Kafka's own load generator for producers once, and parses the last line of its output. */
import { join } from 'node:path';
import { run } from '../lib/exec.ts';
import { testRoot } from '../lib/paths.ts';
import { kafkaFolder } from '../lib/tools.ts';
import { createTopic, deleteTopic } from '../lib/wire.ts';

export interface Load {
  readonly partitions: number;
  readonly replicas: number;
  readonly acks: '1' | 'all';
  readonly recordBytes: number;
  readonly records: number;
  /** Records per second. Undefined: as fast as possible. */
  readonly pace?: number;
}

export interface PerfResult {
  readonly recordsPerS: number;
  readonly megabytesPerS: number;
  readonly averageMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

const RUN_LIMIT_MS = 120_000;

/** Creates the topic, sends the load to it, and deletes the topic. */
export async function perfTest(bootstrapServers: string, topic: string, load: Load): Promise<PerfResult> {
  const { partitions, replicas, acks, recordBytes, records, pace = -1 } = load;
  const configs = replicas > 1 ? { 'min.insync.replicas': '2' } : {};
  await createTopic(bootstrapServers, { name: topic, partitions, replicas, configs });
  const classPath = `${join(await kafkaFolder(), 'libs', '*')}:${join(testRoot, 'clients', 'java', 'conf')}`;
  const size = ['--num-records', String(records), '--record-size', String(recordBytes)];
  const { stdout } = await run(
    'java',
    [
      ...['-Xmx512M', '-cp', classPath, 'org.apache.kafka.tools.ProducerPerformance', '--topic', topic],
      ...[...size, '--throughput', String(pace)],
      ...['--bootstrap-server', bootstrapServers, '--command-property', `acks=${acks}`],
    ],
    { timeoutMs: RUN_LIMIT_MS },
  );
  await deleteTopic(bootstrapServers, topic);
  return parsePerfOutput(stdout.toString('utf8'));
}

/** Parses the last line, which summarizes the whole run. Throws if the line is malformed. */
export function parsePerfOutput(output: string): PerfResult {
  const line = output.trim().split('\n').at(-1) ?? '';
  const number = (pattern: RegExp) => Number(pattern.exec(line)?.[1] ?? Number.NaN);
  const result = {
    recordsPerS: number(/([\d.]+) records\/sec/),
    megabytesPerS: number(/\(([\d.]+) MB\/sec\)/),
    averageMs: number(/([\d.]+) ms avg latency/),
    p50Ms: number(/(\d+) ms 50th/),
    p95Ms: number(/(\d+) ms 95th/),
    p99Ms: number(/(\d+) ms 99th/),
  };
  if (Object.values(result).some(Number.isNaN)) throw new Error(`the perf tool said: ${output.slice(-500)}`);
  return result;
}
