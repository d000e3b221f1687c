/**
 * Builds, byte by byte, record batches that no well-behaved client sends and no library builds. Examples are
 * a million records in a few kilobytes, payloads that do not decompress, and records that a topic does not
 * allow.
 */
import { deflateRawSync, gzipSync, constants as zlib, zstdCompressSync } from 'node:zlib';
import { Compression, crc32c } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';

export interface HostileBatch {
  readonly name: string;
  readonly bytes: Buffer;
}

interface Header {
  readonly codec: Compression;
  readonly records: number;
  readonly baseTimestamp?: bigint;
  readonly maxTimestamp?: bigint;
}

const HEADER_BYTES = 61;
const CRC_FROM = 21;

/** A batch with a valid header and checksum. `section`: the bytes of its records, which may be compressed. */
export function batchAround(section: Uint8Array, { codec, records, ...times }: Header): Buffer {
  const baseTimestamp = times.baseTimestamp ?? BigInt(Date.now());
  const batch = Buffer.alloc(HEADER_BYTES + section.length);
  batch.set(section, HEADER_BYTES);
  batch.writeInt32BE(batch.length - 12, 8);
  batch.writeInt32BE(-1, 12); // leader epoch
  batch[16] = 2; // magic
  batch.writeInt16BE(codec, 21);
  batch.writeInt32BE(records - 1, 23);
  batch.writeBigInt64BE(baseTimestamp, 27);
  batch.writeBigInt64BE(times.maxTimestamp ?? baseTimestamp, 35);
  batch.writeBigInt64BE(-1n, 43); // producer id
  batch.writeInt16BE(-1, 51);
  batch.writeInt32BE(-1, 53);
  batch.writeInt32BE(records, 57);
  batch.writeUInt32BE(crc32c(batch, CRC_FROM) >>> 0, 17);
  return batch;
}

/** A record with the value "v", and with the key "k" or a null key. */
export function record(offsetDelta: number, { timestampDelta = 0n, hasKey = true } = {}): Buffer {
  const key = hasKey ? [2, 0x6b] : [1];
  const body = Buffer.from([
    0,
    ...varlong(timestampDelta),
    ...varlong(BigInt(offsetDelta)),
    ...key,
    2,
    0x76,
    0,
  ]);
  return Buffer.concat([Buffer.from(varlong(BigInt(body.length))), body]);
}

function varlong(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return bytes;
}

/** This many records of the smallest size, with the right offset deltas: 7 to 10 bytes each. */
export function tinyRecords(count: number): Buffer {
  const bytes = Buffer.allocUnsafe(count * 11);
  let at = 0;
  for (let i = 0; i < count; i++) {
    let delta = i * 2;
    const deltaBytes = delta < 1 << 7 ? 1 : delta < 1 << 14 ? 2 : delta < 1 << 21 ? 3 : 4;
    bytes[at++] = (5 + deltaBytes) * 2;
    bytes[at++] = 0;
    bytes[at++] = 0;
    for (; delta > 0x7f; delta >>>= 7) bytes[at++] = (delta & 0x7f) | 0x80;
    bytes[at++] = delta;
    bytes[at++] = 1; // no key
    bytes[at++] = 1; // no value
    bytes[at++] = 0;
  }
  return bytes.subarray(0, at);
}

const compressors: Readonly<Record<string, [Compression, (plain: Buffer) => Uint8Array]>> = {
  gzip: [Compression.GZIP, (plain) => gzipSync(plain, { level: 1 })],
  zstd: [Compression.ZSTD, (plain) => zstdCompressSync(plain)],
  lz4: [Compression.LZ4, (plain) => compressionCodecs.compress(Compression.LZ4, plain)],
  snappy: [Compression.SNAPPY, (plain) => compressionCodecs.compress(Compression.SNAPPY, plain)],
};

/** Valid batches of this many records, one for each codec. They decompress to several times their size. */
export function manyRecords(count: number, codecs = Object.keys(compressors)): HostileBatch[] {
  const plain = tinyRecords(count);
  return codecs.map((name) => {
    const [codec, compress] = compressors[name]!;
    return {
      name: `${name}, ${count} records`,
      bytes: batchAround(compress(plain), { codec, records: count }),
    };
  });
}

/**
 * Valid batches with about as many records as fit into a topic's default limit for a batch (1 MiB). So a
 * client can send them to any topic. The number of records depends on the codec.
 */
export function fittingRecords(): HostileBatch[] {
  return [
    ...manyRecords(740_000, ['gzip']),
    ...manyRecords(1_300_000, ['zstd']),
    ...manyRecords(260_000, ['lz4', 'snappy']),
  ];
}

/**
 * A valid batch of about `sizeBytes` with one uncompressed record. With it, a trial measures the cost of the
 * bytes alone.
 */
export function plainBatch(sizeBytes: number): HostileBatch {
  const value = Buffer.alloc(Math.max(0, sizeBytes - HEADER_BYTES - 20), 0x76);
  const body = Buffer.concat([
    Buffer.from([0, 0, 0, 1]),
    Buffer.from(varlong(BigInt(value.length))),
    value,
    Buffer.from([0]),
  ]);
  const section = Buffer.concat([Buffer.from(varlong(BigInt(body.length))), body]);
  return { name: 'plain', bytes: batchAround(section, { codec: Compression.NONE, records: 1 }) };
}

/**
 * Batches of this many records that are all equal, even in their offset deltas. Compressed with gzip, they
 * have about a thousandth of their size; with zstd, less.
 */
export function alikeRecords(count: number): HostileBatch[] {
  const one = Buffer.from([12, 0, 0, 0, 1, 1, 0]);
  const plain = Buffer.alloc(count * one.length, one);
  return ['gzip', 'zstd'].map((name) => {
    const codec = compressors[name]![0];
    const section = name === 'gzip' ? gzipSync(plain, { level: 9 }) : zstdCompressSync(plain);
    return {
      name: `${name}, ${count} records alike`,
      bytes: batchAround(section, { codec, records: count }),
    };
  });
}

/** Payloads that Kafka cannot read. All except the last one are made from three good records. */
export function damagedPayloads(): HostileBatch[] {
  const plain = Buffer.concat([record(0), record(1), record(2)]);
  const { GZIP, ZSTD, LZ4 } = Compression;
  const checked = zstdCompressSync(plain, { params: { [zlib.ZSTD_c_checksumFlag]: 1 } });
  const truncated = Object.entries(compressors).map(([name, [codec, compress]]) => {
    const whole = compress(plain);
    return damaged(`${name}, cut short`, codec, whole.subarray(0, whole.length - 5));
  });
  return [
    ...truncated,
    damaged('lz4, linked blocks', LZ4, lz4Frame(0x40, 0xc0, plain)),
    damaged('lz4, wrong header checksum', LZ4, lz4Frame(0x60, 0x83, plain)),
    damaged('lz4, wrong block checksum', LZ4, lz4Frame(0x70, 0xad, plain, 0xdead)),
    damaged('gzip, wrong checksum', GZIP, flipped(gzipSync(plain), -8)),
    damaged('gzip, wrong length', GZIP, flipped(gzipSync(plain), -1)),
    damaged('gzip, no header', GZIP, deflateRawSync(plain)),
    damaged('zstd, wrong checksum', ZSTD, flipped(checked, -1)),
    damaged('zstd, no zstd at all', ZSTD, Buffer.from('the water turns the wheel')),
  ];
}

function damaged(name: string, codec: Compression, section: Uint8Array): HostileBatch {
  return { name, bytes: batchAround(section, { codec, records: 3 }) };
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  const index = copy.length + at;
  copy[index] = copy[index]! ^ 0x40;
  return copy;
}

/**
 * An LZ4 frame with one uncompressed block. The caller passes the header checksum, because its right value
 * depends on the flags.
 */
function lz4Frame(flags: number, headerChecksum: number, plain: Buffer, blockChecksum?: number): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32LE((plain.length | 0x8000_0000) >>> 0);
  const checksum = Buffer.alloc(blockChecksum === undefined ? 0 : 4);
  if (blockChecksum !== undefined) checksum.writeUInt32LE(blockChecksum);
  const head = Buffer.from([0x04, 0x22, 0x4d, 0x18, flags, 0x40, headerChecksum]);
  return Buffer.concat([head, size, plain, checksum, Buffer.alloc(4)]);
}

/**
 * Batches with a valid checksum whose records are malformed or contradict the header. In one batch the offset
 * deltas have a gap. Apache Kafka accepts this batch, and then its log has duplicate offsets.
 */
export function lyingBatches(): HostileBatch[] {
  const three = Buffer.concat([record(0), record(1), record(2)]);
  const none = { codec: Compression.NONE };
  return [
    { name: 'counts more than it holds', bytes: batchAround(three, { ...none, records: 4 }) },
    { name: 'counts less than it holds', bytes: batchAround(three, { ...none, records: 2 }) },
    {
      name: 'offset deltas with a gap',
      bytes: batchAround(Buffer.concat([record(0), record(2)]), { ...none, records: 2 }),
    },
    {
      name: 'a record longer than the batch',
      bytes: batchAround(Buffer.from([0x7e, 0, 0, 0]), { ...none, records: 1 }),
    },
    { name: 'a length that never ends', bytes: batchAround(Buffer.alloc(40, 0xff), { ...none, records: 1 }) },
  ];
}

/** Batches for a compacted topic in which the second of three records has no key. */
export function keylessBatches(): HostileBatch[] {
  const plain = Buffer.concat([record(0), record(1, { hasKey: false }), record(2)]);
  const { NONE, GZIP } = Compression;
  return [
    { name: 'no key, plain', bytes: batchAround(plain, { codec: NONE, records: 3 }) },
    { name: 'no key, gzip', bytes: batchAround(gzipSync(plain), { codec: GZIP, records: 3 }) },
  ];
}

/** A record with a timestamp in milliseconds, and then one with a timestamp in nanoseconds. */
export function nanosecondBatch(nowMs: bigint): HostileBatch {
  const nanoseconds = nowMs * 1_000_000n;
  const plain = Buffer.concat([record(0), record(1, { timestampDelta: nanoseconds - nowMs })]);
  const header = { codec: Compression.NONE, records: 2, baseTimestamp: nowMs, maxTimestamp: nanoseconds };
  return { name: 'nanoseconds', bytes: batchAround(plain, header) };
}
