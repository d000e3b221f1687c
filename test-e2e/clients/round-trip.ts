/**
 * The parts that all client tests share: names of topics, stages with one codec each, and the comparison at
 * the end.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, inject } from 'vitest';
import { type Comparison, compareWithCorpus } from '../lib/compare.ts';
import { RECORDS, readCorpus } from '../lib/corpus.ts';
import { type RunResult, run } from '../lib/exec.ts';
import { decodeReadRecords, type ReadRecord, type TestRecord } from '../lib/records.ts';
import type { Tool, ToolName } from '../lib/tools.ts';
import { recordsByCodec } from '../lib/wire.ts';
import { expectDescribed, readDescribed } from './described.ts';

export const PARTITIONS = 3;
export const CLIENT_LIMIT_MS = 150_000;

/** The client writes records [from, to) of the corpus with the codec. */
export interface Stage {
  readonly codec: string;
  readonly from: number;
  readonly to: number;
}

/** The name of the client's topic. Each run has topics of its own, because a cluster may outlive the run. */
export function topicOf(client: string): string {
  return `${client}-${basename(inject('workFolder'))}`;
}

/** Divides the corpus into equal parts, one for each codec. */
export function stagesOf(...codecs: string[]): Stage[] {
  const share = RECORDS / codecs.length;
  return codecs.map((codec, i) => ({ codec, from: i * share, to: (i + 1) * share }));
}

export function isMissing(name: ToolName): boolean {
  return 'missing' in inject('tools')[name];
}

export function toolFor(name: ToolName): Tool {
  const state = inject('tools')[name];
  if ('missing' in state) throw new Error(state.missing);
  return state;
}

/** Runs a tool. `args` follow the tool's own arguments. */
export async function runTool(name: ToolName, args: readonly string[], input?: string): Promise<RunResult> {
  const { program, args: first } = toolFor(name);
  return await run(program, [...first, ...args], {
    timeoutMs: CLIENT_LIMIT_MS,
    ...(input === undefined ? {} : { input }),
  });
}

/** Runs one of Kafka's tools, by the name of its class, against the cluster. Returns its output. */
export async function kafkaTool(name: string, args: readonly string[], input?: string): Promise<Buffer> {
  const server = ['--bootstrap-server', inject('bootstrapServers')];
  return (await runTool('java', [`org.apache.kafka.tools.${name}`, ...server, ...args], input)).stdout;
}

/**
 * Runs a client program of this folder, which writes all stages and reads them back. Then checks the records
 * that it read back, and its description of the cluster.
 */
export async function programRoundTrip(
  name: ToolName,
  programArgs: readonly string[],
  topic: string,
  stages: readonly Stage[],
  comparison: Pick<Comparison, 'expected'> = {},
): Promise<void> {
  const folder = outFolder(topic);
  const shown = stages.map(({ codec, from, to }) => `${codec}:${from}:${to}`);
  await runTool(name, [
    ...programArgs,
    inject('bootstrapServers'),
    topic,
    inject('corpusFile'),
    folder,
    ...shown,
  ]);
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => [
    ...decodeReadRecords(readFileSync(join(folder, `${partition}.bin`))),
  ]);
  expectCorpus({ partitions, ...comparison });
  await expectDescribed(topic, readDescribed(folder));
}

export function outFolder(topic: string): string {
  const folder = join(inject('workFolder'), topic);
  mkdirSync(folder, { recursive: true });
  return folder;
}

let corpus: TestRecord[] | undefined;
export function theCorpus(): TestRecord[] {
  corpus ??= readCorpus(inject('corpusFile'));
  return corpus;
}

export function expectCorpus(comparison: Omit<Comparison, 'corpus'> & { partitions: ReadRecord[][] }): void {
  expect(compareWithCorpus({ corpus: theCorpus(), ...comparison })).toEqual([]);
  for (const records of comparison.partitions) expect(records.length).toBeGreaterThan(RECORDS / 10);
}

/** The corpus for clients that cannot write headers without a value. */
export function withoutNullHeaders(record: TestRecord): TestRecord {
  return { ...record, headers: record.headers.filter(({ value }) => value !== null) };
}

/**
 * Expects the log to contain batches with the codec of each stage. A tenth of the records may be
 * uncompressed, because a client may leave a small batch uncompressed.
 */
export async function expectCodecs(topic: string, stages: readonly Stage[]): Promise<void> {
  const servers = inject('bootstrapServers');
  const counts = await recordsByCodec(servers, topic);
  for (const { codec, from, to } of stages) {
    expect(counts[codec] ?? 0, `records in ${codec} batches of ${JSON.stringify(counts)}`).toBeGreaterThan(
      (to - from) * 0.9,
    );
  }
}
