/**
 * Starts the soak's writers (clients/python/writer.py, clients/java/Writer.java), watches their acks, ends
 * them, and reads their records back.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Launched, launch, run } from '../lib/exec.ts';
import { testRoot } from '../lib/paths.ts';
import type { StealMeter } from '../lib/stolen.ts';
import { neededTool, type Tool } from '../lib/tools.ts';
import type { ReadRecord, WrittenRecord, WrittenRecords } from './recorded.ts';

export type WriterKind = 'librdkafka' | 'java';

export interface Target {
  readonly bootstrapServers: string;
  readonly topic: string;
  readonly partitions: number;
}

interface Stat {
  readonly wallMs: number;
  readonly acked: number;
  /**
   * The longest gap between two acks of one partition. Counts the gaps that ended since the previous `Stat`,
   * and the gaps that still last.
   */
  readonly gapMs: number;
}

export class RunningWriter {
  readonly name: string;
  readonly errors: string[] = [];
  readonly #acksFile: string;
  readonly #program: Launched;
  readonly #stats: Stat[] = [];
  #done = false;

  static async start(
    kind: WriterKind,
    target: Target,
    paceMs: number,
    folder: string,
    name: string = kind,
  ): Promise<RunningWriter> {
    const tool = await neededTool(kind === 'java' ? 'java' : 'confluent-kafka');
    return new RunningWriter(kind, tool, target, paceMs, folder, name);
  }

  private constructor(
    kind: WriterKind,
    tool: Tool,
    target: Target,
    paceMs: number,
    folder: string,
    name: string,
  ) {
    this.name = name;
    this.#acksFile = join(folder, `${target.topic}-${name}.acks`);
    const script = kind === 'java' ? 'Writer' : join(testRoot, 'clients', 'python', 'writer.py');
    const where = [target.bootstrapServers, target.topic, String(target.partitions)];
    const args = [...tool.args, script, ...where, name, String(paceMs), this.#acksFile];
    this.#program = launch(tool.program, args, (line) => this.#hear(line));
  }

  #hear(line: string): void {
    const [word, ...rest] = line.split(' ');
    if (word === 'stat') {
      const [wallMs = 0, acked = 0, gapMs = 0] = rest.map(Number);
      this.#stats.push({ wallMs, acked, gapMs });
    } else if (word === 'error') {
      if (this.errors.length < 5) this.errors.push(`${this.name}: ${rest.join(' ')}`);
    } else if (word === 'done') {
      this.#done = true;
    }
  }

  get acked(): number {
    return this.#stats.at(-1)?.acked ?? 0;
  }

  /**
   * The longest gap between acks from `from` to `to` (milliseconds since 1970). If `steal` is given, the time
   * that the host of a virtual machine took does not count.
   */
  longestGapMs(from: number, to: number = Number.POSITIVE_INFINITY, steal?: StealMeter): number {
    let longest = 0;
    for (const { wallMs, gapMs } of this.#stats) {
      if (wallMs < from || wallMs > to || gapMs <= longest) continue;
      longest = Math.max(longest, gapMs - (steal?.between(wallMs - gapMs, wallMs) ?? 0));
    }
    return longest;
  }

  /** Whether acks have come for the time `forMs` without a gap above `gapLimitMs`. */
  isSteady(forMs: number, gapLimitMs: number): boolean {
    const last = this.#stats.at(-1);
    const first = this.#stats[0];
    if (last === undefined || first === undefined || last.acked < 20) return false;
    const from = last.wallMs - forMs;
    return Date.now() - last.wallMs < 500 && first.wallMs <= from && this.longestGapMs(from) <= gapLimitMs;
  }

  /** Makes the writer send no more records, and waits for the acks of all sent records. */
  async finish(): Promise<WrittenRecords> {
    this.#program.closeInput();
    const code = await this.#program.ended;
    if (code !== 0 || !this.#done) {
      throw new Error(`the writer ${this.name} ended with ${code}: ${this.#program.errors()}`);
    }
    return { name: this.name, records: writtenRecords(int64s(this.#acksFile)) };
  }

  kill(): void {
    this.#program.kill();
  }
}

/** Waits until every writer is steady. Rejects at an error of a writer, or after the limit. */
export async function untilSteady(
  writers: readonly RunningWriter[],
  limitMs: number,
  what: string,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!writers.every((writer) => writer.isSteady(1000, 500))) {
    const errors = writers.flatMap((writer) => writer.errors);
    if (errors.length > 0) throw new Error(`${what}: ${errors.join('; ')}`);
    if (performance.now() > deadline)
      throw new Error(`${what}: acks did not come steadily within ${limitMs} ms`);
    await sleep(50);
  }
}

/** Reads every record of the topic, by assignment, in order within its partition. */
export async function readBack(
  { bootstrapServers, topic, partitions }: Target,
  names: readonly string[],
  folder: string,
): Promise<ReadRecord[]> {
  const tool = await neededTool('confluent-kafka');
  const script = join(testRoot, 'clients', 'python', 'read_numbers.py');
  const file = join(folder, `${topic}.read`);
  const args = [script, bootstrapServers, topic, String(partitions), file, ...names];
  await run(tool.program, [...tool.args, ...args], { timeoutMs: 300_000 });
  return readRecords(int64s(file));
}

/** In the files of the client programs, -1 stands for an unknown value. */
const known = (value: number) => (value < 0 ? undefined : value);

function writtenRecords(values: readonly number[]): WrittenRecord[] {
  const records: WrittenRecord[] = [];
  for (let i = 0; i < values.length; i += 3) {
    const [sentUs = 0, endedUs = -1, offset = -1] = values.slice(i, i + 3);
    records.push({ sentUs, endedUs: known(endedUs), offset: known(offset) });
  }
  return records;
}

function readRecords(values: readonly number[]): ReadRecord[] {
  const records: ReadRecord[] = [];
  for (let i = 0; i < values.length; i += 6) {
    const [partition = 0, offset = 0, writer = 0, n = 0, epoch = -1, high = -1] = values.slice(i, i + 6);
    const [leaderEpoch, highWatermark] = [known(epoch), known(high)];
    records.push({ partition, offset, writer, n, leaderEpoch, highWatermark });
  }
  return records;
}

function int64s(file: string): number[] {
  const bytes = readFileSync(file);
  const values: number[] = new Array(bytes.length / 8);
  for (let i = 0; i < values.length; i++) values[i] = Number(bytes.readBigInt64BE(i * 8));
  return values;
}
