/** An idempotent producer of our client, which uses every codec, with several requests in flight. */
import { Producer, type ProducerObserver } from '@millrace/client';
import { type ClusterClient, KafkaCluster } from '@millrace/client/io';
import { buildBatch, Compression } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import { idOf } from './judge.ts';
import { ID_HEADER, note, type OpenRecord, Source, type Writer } from './source.ts';
import { type TrialPartition, trialTopics } from './topics.ts';

const TICK_MS = 5;
/** The writer sends nothing while this many of its batches wait for an answer. */
const OPEN_BATCHES_MAX = 40;
const DELIVERY_TIMEOUT_MS = 120_000;
const codecs = Object.values(Compression);

interface TrialBatch {
  readonly topic: string;
  readonly partition: number;
  readonly recordCount: number;
  readonly records: readonly OpenRecord[];
  readonly compression: Compression;
}

export class MillraceWriter implements Writer {
  readonly errors: string[] = [];
  acked = 0;
  private readonly cluster: KafkaCluster;
  private readonly source: Source;
  private readonly producer: Producer<TrialBatch>;
  private readonly client: ClusterClient;
  private open = 0;
  private batches = 0;
  private timer: NodeJS.Timeout | undefined;

  static async start(server: string, name: string, partitions: readonly TrialPartition[]): Promise<Writer> {
    return new MillraceWriter(await KafkaCluster.connect(server, { clientId: name }), name, partitions);
  }

  private constructor(cluster: KafkaCluster, name: string, partitions: readonly TrialPartition[]) {
    this.cluster = cluster;
    this.source = new Source(name, partitions);
    this.producer = new Producer<TrialBatch>({
      clock: cluster.clock,
      cluster: cluster.view,
      acks: -1,
      idempotence: { bumpsEpoch: true },
      maxInFlight: 5,
      timeoutMs: 5000,
      deliveryTimeoutMs: DELIVERY_TIMEOUT_MS,
      backoffMs: 20,
      encode: (batch, identity) =>
        buildBatch({
          records: batch.records.map((record) => ({
            key: Buffer.from(record.key),
            value: record.value === null ? null : Buffer.from(record.value),
            timestamp: record.timestamp,
            headers: [{ key: ID_HEADER, value: Buffer.from(idOf(record)) }],
          })),
          baseTimestamp: batch.records[0]!.timestamp,
          compression: batch.compression,
          codecs: compressionCodecs,
          producerId: identity!.producerId,
          producerEpoch: identity!.epoch,
          baseSequence: identity!.sequence,
        }),
      observer: this.observer(),
    });
    this.client = {
      wantedTopics: trialTopics.map((topic) => topic.name),
      clusterChanged: () => this.producer.clusterChanged(),
    };
    cluster.add(this.client);
  }

  get isSettled(): boolean {
    return this.open === 0;
  }

  resume(): void {
    this.timer = setInterval(() => {
      if (this.open < OPEN_BATCHES_MAX) this.send();
    }, TICK_MS);
  }

  pause(): void {
    clearInterval(this.timer);
  }

  async close(): Promise<void> {
    this.pause();
    this.producer.close();
    this.cluster.remove(this.client);
    this.cluster.close();
  }

  private send(): void {
    const { target, records } = this.source.batch();
    const compression = codecs[this.batches++ % codecs.length]!;
    this.open++;
    this.producer.enqueue({
      topic: target.topic.name,
      partition: target.index,
      recordCount: records.length,
      records,
      compression,
    });
    this.producer.poll();
  }

  private observer(): ProducerObserver<TrialBatch> {
    const lost = (batch: TrialBatch, error: string): void => {
      this.open--;
      this.errors.push(`${this.source.name}: ${batch.topic}-${batch.partition}: ${error}`);
    };
    return {
      acknowledged: (batch, baseOffset) => {
        if (baseOffset === undefined) {
          lost(batch, 'acknowledged without an offset');
          return;
        }
        this.open--;
        this.acked += batch.recordCount;
        note(batch.records, baseOffset);
      },
      failed: lost,
      unknown: lost,
    };
  }
}
