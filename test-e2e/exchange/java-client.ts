/**
 * Kafka's Java client in a process of its own (clients/java/Exchange.java). The process executes the calls
 * one by one.
 */
import { type Launched, launch } from '../lib/exec.ts';
import { neededTool } from '../lib/tools.ts';

/** A record without its headers. `value` null: a tombstone. */
export interface PlainRecord {
  readonly timestamp: number;
  readonly key: string;
  readonly value: string | null;
}

const CALL_LIMIT_MS = 60_000;

export class JavaClient {
  private readonly process: Launched;
  private output: string[] = [];
  private answered: ((lines: string[]) => void) | undefined;
  private failed: ((error: Error) => void) | undefined;

  static async start(bootstrapServers: string): Promise<JavaClient> {
    const { program, args } = await neededTool('java');
    return new JavaClient(program, [...args, 'Exchange', bootstrapServers]);
  }

  private constructor(program: string, args: readonly string[]) {
    this.process = launch(program, args, (line) => {
      if (line !== 'ok') {
        this.output.push(line);
        return;
      }
      const lines = this.output;
      this.output = [];
      this.answered?.(lines);
    });
    this.process.ended.then((code) =>
      this.failed?.(new Error(`the Java client ended with ${code}: ${this.process.errors()}`)),
    );
  }

  /** Opens a producer: a transactional one if `transactionalId` is given, otherwise an idempotent one. */
  async producer(name: string, codec: string, transactionalId?: string): Promise<void> {
    await this.call('producer', name, codec, ...(transactionalId === undefined ? [] : [transactionalId]));
  }

  /** Sends the records as one batch. */
  async send(producer: string, topic: string, records: readonly PlainRecord[]): Promise<void> {
    const words = records.flatMap(({ timestamp, key, value }) => [String(timestamp), key, value ?? '-']);
    await this.call('send', producer, topic, ...words);
  }

  async transaction(producer: string, end: 'commit' | 'abort', sends: () => Promise<void>): Promise<void> {
    await this.call('begin', producer);
    await sends();
    await this.call(end, producer);
  }

  /** Reads every record of the topic. Each line has the form of `recordLine`. */
  async read(topic: string): Promise<string[]> {
    return await this.call('read', topic);
  }

  async stop(): Promise<void> {
    this.failed = undefined;
    this.process.closeInput();
    await this.process.ended;
  }

  private async call(...words: string[]): Promise<string[]> {
    const timer = setTimeout(() => this.process.kill(), CALL_LIMIT_MS);
    try {
      return await new Promise<string[]>((resolve, reject) => {
        this.answered = resolve;
        this.failed = reject;
        this.process.write(`${words.join('\t')}\n`);
      });
    } finally {
      clearTimeout(timer);
    }
  }
}

/** A record as the Java program prints it. */
export function recordLine(offset: number, { timestamp, key, value }: PlainRecord): string {
  return [offset, timestamp, key, value ?? '-'].join('\t');
}
