/** `millrace produce`: makes a record of each line, as kcat -P does. */
import { createReadStream } from 'node:fs';
import { Producer } from '@millrace/client';
import type { ClusterClient } from '@millrace/client/io';
import { buildBatch, Compression } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import { unescaped } from '../escapes.ts';
import { INTERRUPTED, nextInterrupt } from '../interrupt.ts';
import { Batcher, type GatheredBatch } from '../produce/batcher.ts';
import { Input } from '../produce/input.ts';
import { Pieces, parseHeader, recordOf } from '../produce/lines.ts';
import { refuseMissing } from '../topic-list.ts';
import { UserError } from '../user-error.ts';
import { type Bootstrap, withCluster } from '../with-cluster.ts';

export interface ProduceOptions extends Bootstrap {
  readonly topic?: string;
  readonly partition?: number;
  readonly keyDelimiter?: string;
  readonly key?: string;
  readonly header?: readonly string[];
  readonly delimiter?: string;
  readonly null?: boolean;
  readonly file?: string;
  readonly count?: number;
  readonly compression: keyof typeof CODECS;
  readonly acks: keyof typeof ACKS;
  readonly quiet?: boolean;
}

const CODECS = {
  none: Compression.NONE,
  gzip: Compression.GZIP,
  snappy: Compression.SNAPPY,
  lz4: Compression.LZ4,
  zstd: Compression.ZSTD,
} as const;
const ACKS = { all: -1, '-1': -1, 1: 1, 0: 0 } as const;

const BATCH_BYTES = 64 << 10;
/** While this many batches wait for an answer, the command reads no more lines. */
const OPEN_BATCHES_MAX = 200;
/**
 * The timeout of a request, and the time limit for the delivery of a batch: the defaults of Kafka's Java
 * producer.
 */
const TIMEOUT_MS = 30_000;
const DELIVERY_TIMEOUT_MS = 120_000;

export async function produce(word: string | undefined, options: ProduceOptions): Promise<void> {
  const topic = word ?? options.topic;
  if (topic === undefined) throw new UserError('no topic given: millrace produce TOPIC');
  if (word !== undefined && options.topic !== undefined && word !== options.topic)
    throw new UserError(`two topics given, '${word}' and '${options.topic}': a command produces to one`);
  if (options.key !== undefined && options.keyDelimiter !== undefined)
    throw new UserError('--key is the key of every record: drop it, or --key-delimiter');
  const headers = (options.header ?? []).map(parseHeader);
  const delimiter = Buffer.from(unescaped(options.delimiter ?? '\\n'));
  const keyDelimiter = options.keyDelimiter === undefined ? undefined : unescaped(options.keyDelimiter);
  if (delimiter.length === 0 || keyDelimiter === '') throw new UserError('a delimiter may not be empty');
  const stream = await inputOf(options.file);
  await withCluster(options, async (cluster) => {
    const known = (await cluster.describe([topic])).get(topic);
    if (known === undefined)
      throw new UserError(`topic '${topic}' does not exist; \`millrace topic create ${topic}\` creates it`);
    const partitionCount = known.partitions.length;
    if (options.partition !== undefined) refuseMissing(topic, options.partition, partitionCount);
    const sender = new Sender(options);
    const producer = sender.producerOn(cluster);
    const client: ClusterClient = { wantedTopics: [topic], clusterChanged: () => producer.clusterChanged() };
    cluster.add(client);
    const batcher = new Batcher({
      topic,
      partitionCount,
      partition: options.partition,
      batchBytes: BATCH_BYTES,
      first: cluster.random.below(partitionCount),
      full: (batch) => sender.send(producer, batch),
    });
    const interrupt = nextInterrupt();
    const interrupted = interrupt.came.then(() => {
      stream.destroy();
      return true;
    });
    const pieces = new Pieces(delimiter);
    const lines = { key: options.key, keyDelimiter, null: options.null, headers };
    let left = options.count ?? Number.POSITIVE_INFINITY;
    const add = (found: readonly Buffer[]) => {
      for (const piece of found.slice(0, left)) batcher.add(recordOf(piece, lines));
      left -= Math.min(left, found.length);
      batcher.flush();
      producer.poll();
    };
    const input = new Input(stream);
    let wasInterrupted = false;
    try {
      for await (const chunk of input) {
        add(pieces.push(chunk));
        await sender.below(OPEN_BATCHES_MAX);
        if (left === 0 || sender.failure !== undefined) break;
      }
      if (left > 0 && input.isAtEnd) add(pieces.end());
      await sender.below(1);
      wasInterrupted = await Promise.race([interrupted, Promise.resolve(false)]);
    } finally {
      interrupt.forget();
      stream.destroy();
      producer.close();
      cluster.remove(client);
    }
    if (input.error !== undefined)
      throw new UserError(
        `cannot read ${options.file ?? 'the standard input'}: ${input.error}; ${sender.summary(topic)}`,
      );
    if (sender.failure !== undefined) throw new UserError(`${sender.failure}; ${sender.summary(topic)}`);
    if (!options.quiet) process.stderr.write(`${sender.summary(topic)}\n`);
    if (wasInterrupted) process.exitCode = INTERRUPTED;
  });
}

/** Sends batches, and counts the records that the brokers acknowledge. */
class Sender {
  /** Why the first of the failed batches failed; undefined: no batch has failed. */
  failure: string | undefined;
  private readonly options: ProduceOptions;
  private records = 0;
  private open = 0;
  private waiting: { readonly limit: number; readonly resolve: () => void } | undefined;

  constructor(options: ProduceOptions) {
    this.options = options;
  }

  producerOn(cluster: Parameters<Parameters<typeof withCluster>[1]>[0]): Producer<GatheredBatch> {
    const acks = ACKS[this.options.acks];
    const compression = CODECS[this.options.compression];
    const ended = (batch: GatheredBatch, error?: string) => {
      this.open--;
      if (error === undefined) this.records += batch.recordCount;
      else
        this.failure ??= `${batch.topic}-${batch.partition} did not take a batch of ${batch.recordCount} records: ${error}`;
      if (this.waiting !== undefined && this.open < this.waiting.limit) this.waiting.resolve();
    };
    return new Producer<GatheredBatch>({
      clock: cluster.clock,
      cluster: cluster.view,
      acks,
      ...(acks === -1 ? { idempotence: { bumpsEpoch: true } } : {}),
      maxInFlight: 5,
      timeoutMs: TIMEOUT_MS,
      deliveryTimeoutMs: DELIVERY_TIMEOUT_MS,
      encode: ({ records }, identity) =>
        buildBatch({
          records,
          baseTimestamp: Date.now(),
          compression,
          codecs: compressionCodecs,
          ...(identity === undefined
            ? {}
            : {
                producerId: identity.producerId,
                producerEpoch: identity.epoch,
                baseSequence: identity.sequence,
              }),
        }),
      observer: {
        acknowledged: (batch) => ended(batch),
        failed: (batch, error) => ended(batch, error),
        unknown: (batch, error) => ended(batch, `${error}; the log may have it all the same`),
      },
    });
  }

  send(producer: Producer<GatheredBatch>, batch: GatheredBatch): void {
    this.open++;
    producer.enqueue(batch);
  }

  /** Waits until fewer than `limit` batches wait for an answer. */
  async below(limit: number): Promise<void> {
    if (this.open < limit) return;
    await new Promise<void>((resolve) => {
      this.waiting = { limit, resolve };
    });
    this.waiting = undefined;
  }

  summary(topic: string): string {
    return `produced ${this.records} ${this.records === 1 ? 'record' : 'records'} to ${topic}`;
  }
}

async function inputOf(
  file: string | undefined,
): Promise<NodeJS.ReadStream | ReturnType<typeof createReadStream>> {
  if (file === undefined) return process.stdin;
  const stream = createReadStream(file);
  await new Promise<void>((resolve, reject) => {
    stream.once('open', () => resolve());
    stream.once('error', (error: NodeJS.ErrnoException) =>
      reject(new UserError(`cannot read ${file}: ${error.code ?? error.message}`)),
    );
  });
  return stream;
}
