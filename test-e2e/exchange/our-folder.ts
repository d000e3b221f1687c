/** Log directories on the disk as our broker opens, cleans and closes them, for an exchange with Kafka. */
import type { Uuid } from '@millrace/base';
import { BatchHeader, buildBatch, Compression, readBatchHeader, readRecords } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import type { LogConfig, LogDirectory, PartitionLog } from '../../packages/log/src/index.ts';
import { cleanOnDisk } from '../../packages/log/test/support/cleaning.ts';
import { append, config, openDirectory, readAll } from '../../packages/log/test/support/logs.ts';
import { RealDisk } from '../../packages/log/test/support/real-disk.ts';
import { recordLine } from './java-client.ts';

const HOUR_MS = 3_600_000;
const KEYS = 23;
const FIRST_PRODUCER_ID = 7000;
const decoder = new TextDecoder();
const encoder = new TextEncoder();

export class OurFolder {
  private readonly logs: LogDirectory;
  private readonly opened: { readonly topic: string; readonly log: PartitionLog }[] = [];

  /** `nodeId`: the node id in the folder's meta.properties. */
  constructor(directory: string, nodeId: number) {
    this.logs = openDirectory(new RealDisk(), { directory, nodeId });
  }

  open(topic: string, o: Partial<LogConfig> = {}, topicId?: Uuid): PartitionLog {
    const id = topicId === undefined ? {} : { topicId };
    const log = this.logs.openLog(topic, 0, { ...id, config: config(o), nowWallMs: Date.now() });
    this.opened.push({ topic, log });
    return log;
  }

  /** Closes the logs like a broker that stops cleanly. */
  async close(): Promise<void> {
    await new Promise<void>((idle) => this.logs.prepareStop(idle));
    const marks = this.opened.map(({ topic, log }) => ({ topic, partition: 0, offset: log.endOffset }));
    this.logs.tick(Date.now(), marks);
    this.logs.close({ clean: true });
  }
}

/** Three idempotent producers, which write batches of every codec to one log. */
export class OurProducers {
  private readonly log: PartitionLog;
  private readonly sequences = new Map<number, number>();
  private timestamp = Date.now() - HOUR_MS;
  private batches = 0;

  constructor(log: PartitionLog) {
    this.log = log;
  }

  /** Appends batches of records with few different keys. Some records have no value. */
  append(count: number): void {
    for (const until = this.batches + count; this.batches < until; this.batches++)
      this.appendOne(this.batches);
  }

  private appendOne(n: number): void {
    const producerId = FIRST_PRODUCER_ID + (n % 3);
    const baseSequence = this.sequences.get(producerId) ?? 0;
    const records = Array.from({ length: 1 + (n % 4) }, (_, index) => ({
      key: encoder.encode(`k${(n * 5 + index) % KEYS}`),
      value: (n + index) % 11 === 3 ? null : encoder.encode(`value ${n}.${index} `.repeat(n % 9)),
      timestamp: this.timestamp++,
    }));
    this.sequences.set(producerId, baseSequence + records.length);
    const baseTimestamp = records[0]!.timestamp;
    const identity = { producerId, producerEpoch: 0, baseSequence };
    const compression = Object.values(Compression)[n % 5]!;
    const codec = { compression, codecs: compressionCodecs };
    const batch = new Uint8Array(buildBatch({ records, baseTimestamp, ...identity, ...codec }));
    append(this.log, batch, 0, Date.now());
  }
}

/** Lets retention by size remove about half of the log, and then deletes the next three records. */
export async function shorten(log: PartitionLog): Promise<void> {
  await synced(log);
  log.setConfig({ ...log.config, retentionBytes: Math.floor(log.sizeBytes / 2) });
  log.expire(log.endOffset, Date.now());
  while (log.hasExpired) {
    const removed = await new Promise((done) => log.removeNext(done));
    if (removed === undefined) throw new Error('a segment was not removed');
  }
  log.advanceStartOffset(log.startOffset + 3);
}

function synced(log: PartitionLog): Promise<void> {
  return new Promise((resolve, reject) =>
    log.flush((error) => (error === undefined ? resolve() : reject(error))),
  );
}

/** Syncs a log, and cleans all of it below the active segment. */
export async function clean(log: PartitionLog, nowWallMs: number): Promise<void> {
  await synced(log);
  const result = await cleanOnDisk(log, nowWallMs);
  if (result?.ok !== true) throw new Error(`the log was not cleaned: ${JSON.stringify(result)}`);
}

/** Every record of the log that an application would get, in the form of `recordLine`. */
export function recordLines(log: PartitionLog): string[] {
  return readAll(log, 1 << 20).flatMap((batch) => {
    if (readBatchHeader(batch, 0, new BatchHeader()).isControl) return [];
    return [...readRecords(batch, compressionCodecs)]
      .filter(({ offset }) => offset >= log.startOffset)
      .map(({ offset, timestamp, key, value }) =>
        recordLine(offset, {
          timestamp: Number(timestamp),
          key: decoder.decode(key ?? new Uint8Array()),
          value: value === null ? null : decoder.decode(value),
        }),
      );
  });
}

/** The headers of all batches of a log. */
export function headersOf(log: PartitionLog): BatchHeader[] {
  return readAll(log, 1 << 20).map((batch) => readBatchHeader(batch, 0, new BatchHeader()));
}
