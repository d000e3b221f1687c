/** What the Java client writes to Apache Kafka: topics of every kind, with records of chosen timestamps. */
import type { JavaClient, PlainRecord } from './java-client.ts';
import type { PeerFolder } from './peer-folder.ts';

export const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;

/** The time between the timestamps of two records. Segments roll by the timestamps. */
const STEP_MS = 100;
export const SEGMENT_MS = 1500;
export const DELETE_RETENTION_MS = 1500;
const KEYS = 12;
const HOUR_MS = 3_600_000;

const rolling = { 'segment.ms': String(SEGMENT_MS), 'retention.ms': '-1' };
const compacted = {
  ...rolling,
  'cleanup.policy': 'compact',
  'min.cleanable.dirty.ratio': '0.01',
  'delete.retention.ms': String(DELETE_RETENTION_MS),
};

const LAG = 'min.compaction.lag.ms';
/**
 * Values of `min.compaction.lag.ms`. With `uncleaned`, Kafka's cleaner cleans nothing. With `newUncleaned`,
 * it does not clean new records. With `allCleaned`, no record is too new for the cleaner.
 */
export const uncleaned = { [LAG]: '9223372036854775807' };
export const newUncleaned = { [LAG]: String(HOUR_MS / 2) };
export const allCleaned = { [LAG]: '0' };

export const topics: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  codecs: rolling,
  transactions: rolling,
  deleted: rolling,
  compacted: { ...compacted, 'delete.retention.ms': '86400000' },
  'compacted-transactions': { ...compacted, 'delete.retention.ms': '86400000' },
  both: { ...compacted, ...uncleaned },
};

/** Makes batches of records, whose timestamps rise along a topic. */
export class History {
  private readonly java: JavaClient;
  private timestamp = Date.now() - HOUR_MS;
  private n = 0;

  constructor(java: JavaClient) {
    this.java = java;
  }

  async openProducers(): Promise<void> {
    for (const codec of codecs) await this.java.producer(codec, codec);
    await this.java.producer('t-lz4', 'lz4', 'first');
    await this.java.producer('t-zstd', 'zstd', 'second');
  }

  /** Five records of few keys; every ninth record is a tombstone. */
  private records(prefix = 'k'): PlainRecord[] {
    return Array.from({ length: 5 }, () => {
      const n = this.n++;
      const value = n % 9 === 4 ? null : textOf(n);
      return { timestamp: this.next(), key: `${prefix}${(n * 7) % KEYS}`, value };
    });
  }

  private next(): number {
    this.timestamp += STEP_MS;
    return this.timestamp;
  }

  /** Later records get timestamps from the present time on. Earlier records are an hour old. */
  skipToNow(): void {
    this.timestamp = Date.now();
  }

  /** Idempotent batches of every codec. `prefix`: the prefix of their keys. */
  async idempotent(topic: string, rounds: number, prefix?: string): Promise<void> {
    for (let round = 0; round < rounds; round++)
      for (const codec of codecs) await this.java.send(codec, topic, this.records(prefix));
  }

  /** Committed and aborted transactions of two producers, with other batches between them. */
  async transactions(topic: string, rounds: number): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      const ends = round % 2 === 0 ? (['commit', 'abort'] as const) : (['abort', 'commit'] as const);
      await this.java.transaction('t-lz4', ends[0], async () => {
        await this.java.send('t-lz4', topic, this.records());
        await this.java.send('gzip', topic, this.records());
        await this.java.transaction('t-zstd', ends[1], () => this.java.send('t-zstd', topic, this.records()));
        await this.java.send('t-lz4', topic, this.records());
      });
    }
  }

  /**
   * Sends records that become two segments. Each has one record, whose key no other record has, so a cleaning
   * keeps both records. So the cleaned log is the same, whether the cleaning ends before or after the first
   * of the two segments.
   */
  async end(topic: string): Promise<void> {
    for (let segment = 0; segment < 2; segment++) {
      this.timestamp += 2 * SEGMENT_MS;
      const n = this.n++;
      await this.java.send('none', topic, [{ timestamp: this.next(), key: `end-${n}`, value: textOf(n) }]);
    }
  }
}

/** An empty text, or a text of up to some hundred bytes. */
function textOf(n: number): string {
  return `value ${n} `.repeat(n % 20);
}

/** Creates and writes every topic. */
export async function writeAll(peer: PeerFolder, java: JavaClient): Promise<History> {
  for (const [name, configs] of Object.entries(topics)) await peer.create(name, configs);
  const history = new History(java);
  await history.openProducers();
  for (const topic of ['codecs', 'deleted', 'compacted', 'both']) {
    await history.idempotent(topic, 6);
    await history.end(topic);
  }
  // A control record has the time at which Kafka wrote it. If records with older timestamps followed a
  // control record, no segment would roll for them.
  history.skipToNow();
  for (const topic of ['transactions', 'compacted-transactions']) {
    await history.transactions(topic, 6);
    await history.end(topic);
  }
  return history;
}
