/**
 * Fuzzed decoding. Each input is a golden frame, batch or group record that this script has damaged. Within
 * SLOW_MS, the decoder must decode the input or throw DecodeError. The result must not have more values than
 * the input has bytes.
 *
 *     node packages/protocol/fuzz.ts [count = 10,000,000] [seed]
 */
import { Prng } from '@millrace/base';
import {
  type AnyApi,
  apiByKey,
  BATCH_HEADER_BYTES,
  DecodeError,
  decodeRequestHeader,
  decodeResponseHeader,
  FrameReader,
  readBatchHeader,
  readRecords,
  setMaxTimestamp,
} from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import { embeddedLabel, embeddedMessages, readEmbeddedGoldens, versionsOf } from './test/support/embedded.ts';
import { readGoldens } from './test/support/goldens.ts';
import { fillings } from './test/support/samples.ts';

const SLOW_MS = 1000;
const DECOMPRESSED_BYTES_MAX = 1 << 20;
const INTERESTING = [0, 1, 0x7f, 0x80, 0xff, 0xfe, 0x10, 0x40];

interface Seed {
  /** The name of this undamaged input in error messages. */
  readonly what: string;
  readonly bytes: Uint8Array;
  /** Decodes the bytes as a broker or a client would, and returns the number of decoded values. */
  readonly decode: (bytes: Uint8Array) => number;
}

export interface FuzzReport {
  frames: number;
  decoded: number;
  refused: number;
  slowestMs: number;
}

/**
 * Decodes `count` damaged inputs. Throws if one of them breaks the rules above. The error names the input's
 * bytes, its number and the seed of the random numbers.
 */
export function fuzz(count: number, seed: number): FuzzReport {
  const random = new Prng(seed);
  const seeds = collectSeeds();
  const report: FuzzReport = { frames: 0, decoded: 0, refused: 0, slowestMs: 0 };
  for (; report.frames < count; report.frames++) {
    const chosen = seeds[random.below(seeds.length)]!;
    const other = seeds[random.below(seeds.length)]!;
    const bytes = mutate(chosen.bytes, other.bytes, random);
    let tookMs = attempt(chosen, bytes, report, (error) =>
      failure(chosen, bytes, seed, report.frames, error),
    );
    // On a busy machine the system may have paused this process. So decode a slow frame again, up to three
    // times: only a frame that is slow each time counts as slow.
    for (let again = 0; again < 3 && tookMs > SLOW_MS; again++) {
      const start = performance.now();
      try {
        chosen.decode(bytes);
      } catch {
        // The decoder refused the frame again.
      }
      tookMs = Math.min(tookMs, performance.now() - start);
    }
    if (tookMs > report.slowestMs) report.slowestMs = tookMs;
    if (tookMs > SLOW_MS)
      throw failure(chosen, bytes, seed, report.frames, new Error(`took ${Math.round(tookMs)} ms`));
  }
  return report;
}

/**
 * Decodes once, counts the outcome in `report`, and returns the time that it took, in milliseconds. Throws
 * `failed(error)` on any error except DecodeError, and if the result has more values than the input has
 * bytes.
 */
function attempt(
  seed: Seed,
  bytes: Uint8Array,
  report: FuzzReport,
  failed: (error: unknown) => Error,
): number {
  const start = performance.now();
  try {
    const weight = seed.decode(bytes);
    if (weight > bytes.length) throw new Error(`${weight} values out of ${bytes.length} bytes`);
    report.decoded++;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw failed(error);
    report.refused++;
  }
  return performance.now() - start;
}

function failure(seed: Seed, bytes: Uint8Array, random: number, frame: number, cause: unknown): Error {
  const hex = Buffer.from(bytes).toString('hex');
  return new Error(`frame ${frame} of seed ${random} (${seed.what}): ${String(cause)}\n${hex}`, { cause });
}

function collectSeeds(): Seed[] {
  const seeds: Seed[] = [];
  for (const { api, version, request, response } of readGoldens()) {
    const what = `${api.name} v${version}`;
    seeds.push({ what: `${what} request`, bytes: request, decode: decodeRequest });
    const decodeAnswer = (bytes: Uint8Array) => decodeResponse(api, version, bytes);
    seeds.push({ what: `${what} response`, bytes: response, decode: decodeAnswer });
    if (api.name !== 'Produce') continue;
    const { bodyPosition } = decodeRequestHeader(request);
    const { topicData } = api.decodeRequest(version, request, bodyPosition) as {
      topicData: { partitionData: { records: Uint8Array }[] }[];
    };
    const bytes = topicData[0]!.partitionData[0]!.records;
    seeds.push({ what: `${what} batch`, bytes, decode: decodeBatch });
  }
  const goldens = readEmbeddedGoldens();
  for (const message of embeddedMessages)
    for (const version of versionsOf(message))
      for (const filling of fillings) {
        const what = embeddedLabel(message, version, filling);
        const decode = (bytes: Uint8Array) => countElements(message.decode(bytes));
        seeds.push({ what, bytes: goldens.get(what)!, decode });
      }
  return seeds;
}

function decodeResponse(api: AnyApi, version: number, bytes: Uint8Array): number {
  const { bodyPosition } = decodeResponseHeader(api, version, bytes);
  return countElements(api.decodeResponse(version, bytes, bodyPosition));
}

function decodeRequest(bytes: Uint8Array): number {
  const header = decodeRequestHeader(framed(bytes));
  const api = apiByKey.get(header.apiKey);
  if (api === undefined || header.apiVersion < api.minVersion || header.apiVersion > api.maxVersion) return 0;
  return countElements(api.decodeRequest(header.apiVersion, bytes, header.bodyPosition));
}

/** Passes a frame through the frame reader, in two chunks. */
function framed(bytes: Uint8Array): Uint8Array {
  const reader = new FrameReader(1 << 20);
  const size = new Uint8Array(4);
  new DataView(size.buffer).setInt32(0, bytes.length);
  reader.push(size);
  if (bytes.length > 0) reader.push(bytes);
  return reader.next()!;
}

function decodeBatch(bytes: Uint8Array): number {
  const header = readBatchHeader(bytes);
  if (header.sizeBytes <= bytes.length) setMaxTimestamp(bytes, 0, 1);
  let records = 0;
  for (const record of readRecords(bytes, compressionCodecs, DECOMPRESSED_BYTES_MAX))
    records += 1 + record.headers.length;
  // A compressed batch may hold more records than it has bytes, so its records do not count.
  return header.compression === 0 ? records : 0;
}

/**
 * Counts the array elements anywhere inside a value. Each of them must come from at least one byte of the
 * input.
 */
function countElements(value: unknown): number {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return 0;
  let count = Array.isArray(value) ? value.length : 0;
  for (const member of Object.values(value)) count += countElements(member);
  return count;
}

/** Returns a copy with one to four changes. */
function mutate(source: Uint8Array, other: Uint8Array, random: Prng): Uint8Array {
  let bytes: Uint8Array = Uint8Array.from(source);
  for (let left = 1 + random.below(4); left > 0 && bytes.length > 0; left--)
    bytes = mutateOnce(bytes, other, random);
  return bytes;
}

function mutateOnce(bytes: Uint8Array, other: Uint8Array, random: Prng): Uint8Array {
  const at = random.below(bytes.length);
  switch (random.below(8)) {
    case 0:
      bytes[at]! ^= 1 << random.below(8);
      return bytes;
    case 1:
      bytes[at] = random.below(256);
      return bytes;
    case 2:
      bytes[at] = INTERESTING[random.below(INTERESTING.length)]!;
      return bytes;
    case 3:
      // Writes an extreme length: the largest int32, with some bytes inverted.
      bytes.set(
        [0x7f, 0xff, 0xff, 0xff]
          .map((byte) => byte ^ (random.below(3) === 0 ? 0xff : 0))
          .slice(0, bytes.length - at),
        at,
      );
      return bytes;
    case 4:
      return bytes.subarray(0, at);
    case 5:
      return join([bytes.subarray(0, at), bytes.subarray(random.below(bytes.length))]);
    case 6:
      return join([bytes.subarray(0, at), other.subarray(random.below(other.length))]);
    default: {
      const header = Math.min(bytes.length, BATCH_HEADER_BYTES);
      bytes[random.below(header)] = random.below(256);
      return bytes;
    }
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

if (import.meta.main) {
  const count = Number(process.argv[2] ?? 10_000_000);
  const seed = Number(process.argv[3] ?? Date.now() % 0x1_0000_0000);
  const report = fuzz(count, seed);
  console.log(`seed ${seed}:`, report);
}
