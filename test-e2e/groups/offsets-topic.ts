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
const LIMIT_MS = 60_000;

export interface OffsetRecord {
  readonly key: {
    readonly data: { readonly group: string; readonly topic: string; readonly partition: number };
  };
  /** Null for a tombstone. */
  readonly value: { readonly data: { readonly offset: number } } | null;
}

export interface GroupRecord {
  readonly key: { readonly data: { readonly group: string } };
}

/**
 * The records of committed offsets, as `--formatter …OffsetsMessageFormatter` prints them. Reads until
 * `isEnough` is true for them. Throws if that takes more than a minute.
 */
export function formattedOffsets(
  bootstrapServers: string,
  isEnough: (records: readonly OffsetRecord[]) => boolean,
): Promise<OffsetRecord[]> {
  return formatted(bootstrapServers, 'OffsetsMessageFormatter', isEnough);
}

/** The same for records of classic groups, as `--formatter …GroupMetadataMessageFormatter` prints them. */
export function formattedGroups(
  bootstrapServers: string,
  isEnough: (records: readonly GroupRecord[]) => boolean,
): Promise<GroupRecord[]> {
  return formatted(bootstrapServers, 'GroupMetadataMessageFormatter', isEnough);
}

async function formatted<T>(
  bootstrapServers: string,
  formatter: string,
  isEnough: (records: readonly T[]) => boolean,
): Promise<T[]> {
  const { program, args } = await neededTool('java');
  const consumer = [`${TOOLS}.consumer.ConsoleConsumer`, '--bootstrap-server', bootstrapServers];
  const what = ['--topic', '__consumer_offsets', '--from-beginning'];
  const how = ['--formatter', `${TOOLS}.consumer.${formatter}`];
  const { stdout } = await run(program, [...args, ...consumer, ...what, ...how], {
    timeoutMs: LIMIT_MS,
    isEnough: (text) => isEnough(recordsIn<T>(text)),
  });
  return recordsIn<T>(stdout.toString('utf8'));
}

/** The formatters print one JSON object after the other, without a separator. The last one may be cut. */
function recordsIn<T>(text: string): T[] {
  const lines = text.replaceAll('}{', '}\n{').split('\n');
  const objects = lines.filter((line) => line.startsWith('{'));
  if (objects.length > 0 && !isWhole(objects.at(-1)!)) objects.pop();
  return objects.map((line) => JSON.parse(line) as T);
}

function isWhole(json: string): boolean {
  try {
    JSON.parse(json);
    return true;
  } catch {
    return false;
  }
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
