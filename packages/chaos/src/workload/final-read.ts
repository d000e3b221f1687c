/**
 * The last read of a run: when every writer has ended, it reads each partition from its beginning to the high
 * watermark, and emits what is there as `final` lines. The checkers compare the whole history with it.
 */
import { Consumer, OffsetAt, partitionName, type TopicPartition } from '@millrace/client';
import { ClientError, type KafkaCluster } from '@millrace/client/io';
import { connect, until, type WorkloadContext } from './context.ts';
import { seenRecords } from './seen-records.ts';

export interface FinalReadOptions {
  readonly topics: readonly string[];
  /** How long the whole read may take. */
  readonly timeoutMs: number;
}

const NAME = 'final-read';
const MAX_WAIT_MS = 500;
const FETCH_BYTES = 1 << 20;
const REQUEST_TIMEOUT_MS = 30_000;
const RETRY_MS = 100;

/**
 * Emits at least one `final` line for each partition, also for an empty one. Rejects if a topic is missing,
 * or if the read is not complete in time: then the lines so far are no final logs, and the run is incomplete.
 */
export async function finalRead(context: WorkloadContext, options: FinalReadOptions): Promise<void> {
  const { topics, timeoutMs } = options;
  const endMs = performance.now() + timeoutMs;
  const leftMs = () => Math.max(1, endMs - performance.now());
  const cluster = await connected(context, leftMs);
  try {
    const places = await placesOf(cluster, topics);
    const ends = await endsOf(cluster, places, leftMs);
    for (const { topic, partition } of places)
      if (ends.get(partitionName({ topic, partition })) === 0)
        context.sink({ line: 'final', topic, partition, records: [] });
    await readTo(context, cluster, places, ends, leftMs());
  } finally {
    cluster.close();
  }
}

/** After a fault the brokers may still be starting, so this asks again until the time is over. */
async function connected(context: WorkloadContext, leftMs: () => number): Promise<KafkaCluster> {
  for (;;) {
    try {
      return await connect(context, NAME, REQUEST_TIMEOUT_MS);
    } catch (error) {
      if (!(error instanceof ClientError) || leftMs() <= RETRY_MS) throw error;
      await new Promise<void>((done) => setTimeout(done, RETRY_MS));
    }
  }
}

async function placesOf(cluster: KafkaCluster, topics: readonly string[]): Promise<TopicPartition[]> {
  const known = await cluster.describe(topics, false);
  return topics.flatMap((topic) => {
    const found = known.get(topic);
    if (found === undefined) throw new ClientError(`topic '${topic}' of the workload does not exist`);
    return found.partitions.map((_, partition) => ({ topic, partition }));
  });
}

/** The high watermark of each partition, by name. */
async function endsOf(
  cluster: KafkaCluster,
  places: readonly TopicPartition[],
  leftMs: () => number,
): Promise<Map<string, number>> {
  const ends = new Map<string, number>();
  for (;;) {
    const missing = places.filter((place) => !ends.has(partitionName(place)));
    if (missing.length === 0) return ends;
    const wanted = missing.map((place) => ({ ...place, timestamp: OffsetAt.LATEST }));
    const { found, failed } = await cluster.lookUp(wanted, Math.ceil(leftMs()));
    for (const place of found) ends.set(partitionName(place), place.offset);
    if (failed.size === 0) continue;
    const why = [...failed].map(([name, error]) => `${name}: ${error}`).join('; ');
    if (leftMs() <= 1) throw new ClientError(`the final read found no high watermark (${why})`);
    await new Promise<void>((done) => cluster.clock.setTimer(RETRY_MS, done));
  }
}

async function readTo(
  { sink }: WorkloadContext,
  cluster: KafkaCluster,
  places: readonly TopicPartition[],
  ends: ReadonlyMap<string, number>,
  timeoutMs: number,
): Promise<void> {
  const left = new Map(places.map((place) => [partitionName(place), place]));
  for (const [name, end] of ends) if (end === 0) left.delete(name);
  let failure: string | undefined;
  const reached = (place: TopicPartition, offset: number | undefined) => {
    const name = partitionName(place);
    if (offset !== undefined && offset >= ends.get(name)!) left.delete(name);
  };
  const consumer = new Consumer({
    clock: cluster.clock,
    cluster: cluster.view,
    topics: () => [],
    partitions: () => [...left.values()].map((place) => ({ ...place, start: 'earliest' as const })),
    start: 'earliest',
    outOfRange: 'fail',
    usesSessions: false,
    sendsEpochs: true,
    validatesPositions: true,
    maxWaitMs: MAX_WAIT_MS,
    maxBytes: FETCH_BYTES,
    observer: {
      records: (position, fetched) => {
        const { topic, partition, offset } = position;
        const records = seenRecords(fetched).map(({ offset, value, leaderEpoch }) => ({
          offset,
          value,
          leaderEpoch: leaderEpoch!,
        }));
        sink({ line: 'final', topic, partition, records });
        reached({ topic, partition }, offset);
      },
      assigned: ({ topic, partition }, offset, why) => {
        // Records that were already emitted are gone, so what was emitted is no final log.
        if (why === 'truncated') failure = `the log of ${topic}-${partition} was cut off at ${offset}`;
        // A log that begins at its end is empty.
        else if (offset >= ends.get(partitionName({ topic, partition }))!) {
          sink({ line: 'final', topic, partition, records: [] });
          reached({ topic, partition }, offset);
        }
      },
      damaged: ({ topic, partition }, offset) =>
        sink({ line: 'damaged-batch', client: NAME, topic, partition, offset }),
      failed: ({ topic, partition }, error) => {
        failure = `${topic}-${partition} cannot be read: ${error}`;
      },
    },
  });
  const client = {
    wantedTopics: [...new Set(places.map(({ topic }) => topic))],
    clusterChanged: () => consumer.clusterChanged(),
  };
  cluster.add(client);
  consumer.clusterChanged();
  await until(() => left.size === 0 || failure !== undefined, timeoutMs);
  consumer.close();
  cluster.remove(client);
  if (failure !== undefined) throw new ClientError(`the final read failed: ${failure}`);
  if (left.size > 0)
    throw new ClientError(`the final read did not reach the end of ${[...left.keys()].join(', ')} in time`);
}
