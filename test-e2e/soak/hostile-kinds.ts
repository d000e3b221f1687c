/**
 * The kinds of hostile clients. For each kind, `throwOnce` sends requests and returns the broker's reactions,
 * and `isRight` says which reactions are right.
 */
import type { Cluster } from '../lib/cluster.ts';
import {
  alikeRecords,
  damagedPayloads,
  fittingRecords,
  type HostileBatch,
  keylessBatches,
  lyingBatches,
  manyRecords,
  nanosecondBatch,
  plainBatch,
} from './hostile-batches.ts';
import { ask, type Taken } from './hostile-client.ts';
import { cuts } from './hostile-cuts.ts';
import { duplicatesFrame, lookupFrame, produceError, produceFrame } from './hostile-requests.ts';
import { createTopics, INT64_MAX, type Leaders, type Where } from './hostile-topics.ts';

export interface HostileKind {
  readonly name: string;
  /** The number of different requests. `throwOnce` sends them in turn. */
  readonly variants: number;
  /** Sends one hostile request or several. Returns the broker's reaction on each connection. */
  throwOnce(n: number): Promise<readonly string[]>;
  /**
   * Set if the batches of this kind are larger than a topic's default limit. Such large batches slow other
   * clients down even if they are not hostile. So in the quiet windows, the trial sends as many plain batches
   * of the same size.
   */
  readonly throwPlain?: (n: number) => Promise<readonly string[]>;
  readonly isRight: (taken: string) => boolean;
}

export interface HostileSize {
  /** Number of records in each of the largest batches. */
  readonly records: number;
  readonly duplicates: number;
  readonly duplicatesAtOnce: number;
  /** How long a connection stays silent after it has sent a part of a request. */
  readonly silenceMs: number;
}

const ANSWER_LIMIT_MS = 20_000;
const PARKED_MS = 1000;
const MILLION = 1_000_000;
/**
 * FITTING: the number of duplicates that fit into 2 MiB. ALLOWED: about the largest number of duplicates that
 * a small cluster allows in one request.
 */
const [FITTING, ALLOWED] = [60_000, 10_000];
const NANOSECONDS_A_MS = 1_000_000n;

/** Creates the topics, and returns the kinds. Each kind sends its requests to the leaders of these topics. */
export async function hostileKinds(cluster: Cluster, size: HostileSize): Promise<HostileKind[]> {
  const leaders = await createTopics(cluster.bootstrapServers);
  return [
    ...largeBatches(leaders, size.records),
    smallBatches('payloads that do not decompress', (n) => leaders('batches', n), damagedPayloads()),
    smallBatches('batches that lie', (n) => leaders('batches', n), lyingBatches()),
    smallBatches('no key in a compacted topic', (n) => leaders('compacted', n), keylessBatches()),
    nanoseconds(leaders),
    duplicates(leaders, size),
    ...cuts(leaders, size.silenceMs),
  ];
}

/**
 * Each `throwOnce` sends one batch. Builds the batches on demand, because some have tens of megabytes before
 * compression.
 */
function largeBatches(leaders: Leaders, records: number): HostileKind[] {
  const kind = (
    name: string,
    topic: 'ordinary' | 'batches',
    variants: number,
    build: () => HostileBatch[],
  ) => {
    let batches: HostileBatch[] | undefined;
    const batch = (n: number) => {
      batches ??= build();
      return batches[n % variants]!;
    };
    const throwOnce = async (n: number) => [await produce(leaders(topic, n), batch(n))];
    const throwPlain = async (n: number) => [
      await produce(leaders(topic, n), plainBatch(batch(n).bytes.length)),
    ];
    return topic === 'ordinary' ? { name, variants, throwOnce } : { name, variants, throwOnce, throwPlain };
  };
  const isAnswer = (taken: string) => isAcceptance(taken) || isRefusal(taken);
  const [millions, both] = [`${records / MILLION} million records`, ['gzip', 'zstd']];
  return [
    { ...kind('as many records as 1 MiB holds', 'ordinary', 4, fittingRecords), isRight: isAcceptance },
    { ...kind('a million records', 'batches', 4, () => manyRecords(MILLION)), isRight: isAnswer },
    { ...kind(millions, 'batches', 2, () => manyRecords(records, both)), isRight: isAnswer },
    { ...kind(`${millions}, all alike`, 'ordinary', 2, () => alikeRecords(records)), isRight: isRefusal },
  ];
}

/** Each `throwOnce` sends all batches, and the broker must refuse each of them. */
function smallBatches(
  name: string,
  leader: (n: number) => Where,
  batches: readonly HostileBatch[],
): HostileKind {
  const throwOnce = async (n: number) => {
    const words: string[] = [];
    for (const batch of batches) words.push(await produce(leader(n), batch));
    return words;
  };
  return { name, variants: 1, throwOnce, isRight: isRefusal };
}

async function produce({ topic, partition, port }: Where, batch: HostileBatch): Promise<string> {
  const taken = await ask(port, produceFrame(topic, partition, batch.bytes), ANSWER_LIMIT_MS);
  if (typeof taken === 'string') return `${taken} (${batch.name})`;
  const error = produceError(taken, topic);
  return error === 0 ? `accepted (${batch.name})` : `refused with ${error}`;
}

/** Records with timestamps in nanoseconds, and lookups by timestamps at and beyond the usual limits. */
function nanoseconds(leaders: Leaders): HostileKind {
  const throwOnce = async (n: number) => {
    const where = leaders('unbounded', n);
    const nowMs = BigInt(Date.now());
    const produced = await produce(where, nanosecondBatch(nowMs));
    const timestamps = [-3n, nowMs, nowMs * NANOSECONDS_A_MS, INT64_MAX, -INT64_MAX - 1n];
    const lookups = timestamps.map(async (timestamp) => {
      const frame = lookupFrame(where.topic, where.partition, timestamp);
      return wordFor(await ask(where.port, frame, ANSWER_LIMIT_MS));
    });
    return [produced, ...(await Promise.all(lookups))];
  };
  const isRight = (taken: string) => isAcceptance(taken) || taken === 'answered';
  return { name: 'nanoseconds', variants: 1, throwOnce, isRight };
}

/**
 * Several connections fetch one idle partition at the same time. Each request names the partition many times.
 * The number of times is `size.duplicates`, FITTING or ALLOWED, in turn.
 */
function duplicates(leaders: Leaders, size: HostileSize): HostileKind {
  const frames = new Map<string, Buffer>();
  const times = [size.duplicates, FITTING, ALLOWED];
  const throwOnce = async (n: number) => {
    const { topic, partition, port } = leaders('idle', n);
    const count = times[n % times.length]!;
    const key = `${partition} ${count}`;
    const frame = frames.get(key) ?? duplicatesFrame(topic, partition, count, PARKED_MS);
    frames.set(key, frame);
    const asked = Array.from({ length: size.duplicatesAtOnce }, () => ask(port, frame, ANSWER_LIMIT_MS));
    return (await Promise.all(asked)).map(wordFor);
  };
  const name = `a Fetch of ${times.join(', ')} duplicates, ${size.duplicatesAtOnce} at once`;
  const isRight = (taken: string) => taken === 'answered' || taken === 'closed';
  return { name, variants: times.length, throwOnce, isRight };
}

function wordFor(taken: Taken): string {
  return typeof taken === 'string' ? taken : 'answered';
}

function isAcceptance(taken: string): boolean {
  return taken.startsWith('accepted');
}

function isRefusal(taken: string): boolean {
  return taken.startsWith('refused');
}
