/**
 * Runs the tools of Kafka that read `__consumer_offsets` (the console consumer and kafka-dump-log), and
 * returns what they print.
 */
import { globSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from '../lib/cluster.ts';
import { run } from '../lib/exec.ts';
import { neededTool } from '../lib/tools.ts';

const TOOLS = 'org.apache.kafka.tools';
const READ_MS = 5000;
const LIMIT_MS = 60_000;

export interface OffsetRecord {
  readonly key: {
    readonly data: { readonly group: string; readonly topic: string; readonly partition: number };
  };
  /** Null for a tombstone. */
  readonly value: { readonly data: { readonly offset: number } } | null;
}

/** The records of committed offsets, as `--formatter …OffsetsMessageFormatter` prints them. */
export async function formattedOffsets(bootstrapServers: string): Promise<OffsetRecord[]> {
  return (await formatted(bootstrapServers, 'OffsetsMessageFormatter')) as OffsetRecord[];
}

/** The records of classic groups, as `--formatter …GroupMetadataMessageFormatter` prints them. */
export async function formattedGroups(
  bootstrapServers: string,
): Promise<{ key: { data: { group: string } } }[]> {
  return (await formatted(bootstrapServers, 'GroupMetadataMessageFormatter')) as {
    key: { data: { group: string } };
  }[];
}

async function formatted(bootstrapServers: string, formatter: string): Promise<unknown[]> {
  const { program, args } = await neededTool('java');
  const consumer = [`${TOOLS}.consumer.ConsoleConsumer`, '--bootstrap-server', bootstrapServers];
  const what = ['--topic', '__consumer_offsets', '--from-beginning', '--timeout-ms', String(READ_MS)];
  const how = ['--formatter', `${TOOLS}.consumer.${formatter}`];
  const { stdout } = await run(program, [...args, ...consumer, ...what, ...how], { timeoutMs: LIMIT_MS });
  // The formatters print one JSON object after the other, without a separator.
  const lines = stdout.toString('utf8').replaceAll('}{', '}\n{').split('\n');
  return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as unknown);
}

/** What `kafka-dump-log.sh --offsets-decoder` prints for every segment of the offsets topic on one broker. */
export async function dumpedSegments({ folder }: Cluster, brokerId: number): Promise<string> {
  const pattern = join(folder ?? '', '**', `node-${brokerId}`, '**', '__consumer_offsets-*', '*.log');
  const files = globSync(pattern);
  if (files.length === 0) throw new Error(`no segments in ${pattern}`);
  const { program, args } = await neededTool('java');
  const dump = [`${TOOLS}.DumpLogSegments`, '--offsets-decoder', '--files', files.join(',')];
  return (await run(program, [...args, ...dump], { timeoutMs: LIMIT_MS })).stdout.toString('utf8');
}
