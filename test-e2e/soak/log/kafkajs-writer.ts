/** An idempotent producer of kafkajs. */
import { CompressionTypes, Kafka, logLevel, type Message, Partitioners } from 'kafkajs';
import { idOf } from './judge.ts';
import { ID_HEADER, note, Source, type Writer } from './source.ts';
import { nameOf, type TrialPartition } from './topics.ts';

/** Sends one batch at a time. Half of the batches use gzip, the only codec that kafkajs brings. */
export class KafkajsWriter implements Writer {
  readonly errors: string[] = [];
  acked = 0;
  private readonly source: Source;
  private readonly producer: ReturnType<Kafka['producer']>;
  private isPaused = true;
  private isSending = false;

  static async start(server: string, name: string, partitions: readonly TrialPartition[]): Promise<Writer> {
    const writer = new KafkajsWriter(server, name, partitions);
    await writer.producer.connect();
    return writer;
  }

  private constructor(server: string, name: string, partitions: readonly TrialPartition[]) {
    this.source = new Source(name, partitions);
    const kafka = new Kafka({
      clientId: name,
      brokers: [server],
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 50, maxRetryTime: 200, retries: 1000 },
    });
    this.producer = kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      createPartitioner: Partitioners.DefaultPartitioner,
    });
  }

  get isSettled(): boolean {
    return !this.isSending;
  }

  resume(): void {
    this.isPaused = false;
    if (!this.isSending) void this.sendAll();
  }

  pause(): void {
    this.isPaused = true;
  }

  async close(): Promise<void> {
    this.pause();
    await this.producer.disconnect();
  }

  private async sendAll(): Promise<void> {
    this.isSending = true;
    while (!this.isPaused && this.errors.length === 0) await this.send();
    this.isSending = false;
  }

  private async send(): Promise<void> {
    const { target, records } = this.source.batch();
    const messages = records.map((record): Message => {
      const { key, value, timestamp } = record;
      return {
        key,
        value,
        timestamp: String(timestamp),
        headers: { [ID_HEADER]: idOf(record) },
        partition: target.index,
      };
    });
    const compression = Math.random() < 0.5 ? CompressionTypes.GZIP : CompressionTypes.None;
    try {
      const [answer] = await this.producer.send({
        topic: target.topic.name,
        acks: -1,
        compression,
        messages,
      });
      note(records, Number(answer!.baseOffset));
      this.acked += records.length;
    } catch (error) {
      this.errors.push(`${this.source.name}: ${nameOf(target)}: ${(error as Error).message}`);
    }
  }
}
