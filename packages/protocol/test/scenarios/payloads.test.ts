/**
 * Goal: on the event loop and as a stream, the checker gives each compressed payload the answer that Apache
 * Kafka 4.3.1 gave when it received the payload. The answer is 0 if the payload is valid, -1 if it cannot be
 * decompressed, and 87 if it does not have as many records as the header says.
 */
import { constants, crc32, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import {
  type CompressionCodecs,
  checkRecords,
  checkRecordsWhole,
  DecodeError,
  LOOP_WORK_MAX,
  readRecords,
  TooLargeError,
} from '@millrace/protocol';
import { checkRecordsStreaming, compressionCodecs as codecs, unfoldStreaming } from '@millrace/protocol/io';
import { describe, expect, it, test } from 'vitest';
import { snappyCompress, snappyCompressBlock } from '../../src/compression/snappy.ts';
import { xxhash32 } from '../../src/compression/xxhash32.ts';
import { batchOf, bytes, concat, headerOf, record, rules } from '../support/raw.ts';

const OK = 0;
const UNREADABLE = -1;
const INVALID = 87;
const GZIP = 1;
const SNAPPY = 2;
const LZ4 = 3;
const ZSTD = 4;

const three = concat(record(0), record(1), record(2));
/** `head` is the first five bytes of the first record, `tail` all other bytes. */
const [head, tail] = [three.subarray(0, 5), three.subarray(5)];
const long = concat(
  ...[0, 1, 2].map((i) =>
    record(i, { value: Uint8Array.from({ length: 700 }, (_, j) => (j * 7919 * (i + 3) + j * j) >> 3) }),
  ),
);
const text = (value: string) => new TextEncoder().encode(value);

function changed(payload: Uint8Array, at: number, change: (byte: number) => number): Uint8Array {
  const copy = Uint8Array.from(payload);
  const index = at < 0 ? copy.length + at : at;
  copy[index] = change(copy[index]!);
  return copy;
}
const flipped = (payload: Uint8Array, at: number) => changed(payload, at, (byte) => byte ^ 1);

function little(value: number, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => Math.floor(value / 256 ** i));
}

// ---- gzip

const gzip = gzipSync(three);
const named = () =>
  concat(gzip.subarray(0, 3), bytes(8), gzip.subarray(4, 10), text('name\0'), gzip.subarray(10));
function withHeaderChecksum(off: number): Uint8Array {
  const start = concat(
    gzip.subarray(0, 3),
    bytes(2 | 4 | 16),
    gzip.subarray(4, 10),
    little(3, 2),
    bytes(7, 7, 7),
    text('why\0'),
  );
  return concat(start, little((crc32(start) & 0xffff) ^ off, 2), gzip.subarray(10));
}
const gzipCases: [string, Uint8Array, number][] = [
  ['one member', gzip, OK],
  ['a member with a name', named(), OK],
  ['a member with an extra field, a comment and a header checksum', withHeaderChecksum(0), OK],
  ['a wrong header checksum', withHeaderChecksum(1), UNREADABLE],
  ['a wrong checksum', flipped(gzip, -8), UNREADABLE],
  ['a wrong size', flipped(gzip, -4), UNREADABLE],
  ['a trailer that is cut', gzip.subarray(0, -4), UNREADABLE],
  ['no trailer', gzip.subarray(0, -8), UNREADABLE],
  ['a member that is cut', gzip.subarray(0, -12), UNREADABLE],
  ['two members', concat(gzipSync(record(0)), gzipSync(concat(record(1), record(2)))), OK],
  ['a record that spans members', concat(gzipSync(head), gzipSync(tail)), OK],
  ['a first member with a wrong checksum', concat(flipped(gzipSync(head), -8), gzipSync(tail)), UNREADABLE],
  ['garbage behind', concat(gzip, text('garbage')), OK],
  ['more garbage behind', concat(gzip, new Uint8Array(30).fill(7)), OK],
  ['zeros behind', concat(gzip, new Uint8Array(30)), OK],
  ['the beginning of a second member', concat(gzip, gzip.subarray(0, 12)), OK],
  ['an empty second member', concat(gzip, gzipSync(bytes())), OK],
  ['a second member with another byte', concat(gzip, gzipSync(bytes(1))), INVALID],
  ['zlib instead of gzip', deflateSync(three), UNREADABLE],
  ['something else', three, UNREADABLE],
  ['nothing', bytes(), UNREADABLE],
  ['damage', changed(gzipSync(long), 40, (byte) => byte ^ 0xff), UNREADABLE],
];

// ---- zstd

const zstd = (plain: Uint8Array) => zstdCompressSync(plain);
const checked = zstdCompressSync(three, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
const skippable = concat(little(0x184d2a53, 4), little(4, 4), bytes(1, 2, 3, 4));
/** One stored block in a frame that asks for a window of 2^log bytes. */
const windowed = (log: number) =>
  concat(little(0xfd2fb528, 4), bytes(0, (log - 10) << 3), little((three.length << 3) | 1, 3), three);
const zstdCases: [string, Uint8Array, number][] = [
  ['one frame', zstd(three), OK],
  ['a checksum', checked, OK],
  ['a wrong checksum', flipped(checked, -1), UNREADABLE],
  ['a checksum that is cut', checked.subarray(0, -1), UNREADABLE],
  ['a frame that is cut', zstd(long).subarray(0, -3), UNREADABLE],
  ['two frames', concat(zstd(record(0)), zstd(concat(record(1), record(2)))), OK],
  ['a record that spans frames', concat(zstd(head), zstd(tail)), OK],
  ['a skippable frame before', concat(skippable, zstd(three)), OK],
  ['a skippable frame between', concat(zstd(head), skippable, zstd(tail)), OK],
  ['a skippable frame behind', concat(zstd(three), skippable), OK],
  ['garbage behind', concat(zstd(three), text('garbage garbage')), UNREADABLE],
  ['two bytes behind', concat(zstd(three), text('ga')), UNREADABLE],
  ['zeros behind', concat(zstd(three), new Uint8Array(20)), UNREADABLE],
  ['an empty second frame', concat(zstd(three), zstd(bytes())), OK],
  ['a second frame with another byte', concat(zstd(three), zstd(bytes(1))), INVALID],
  ['a window of 2^27', windowed(27), OK],
  ['a window of 2^28', windowed(28), UNREADABLE],
  ['something else', three, UNREADABLE],
  ['nothing', bytes(), INVALID],
];

// ---- lz4

interface Frame {
  readonly flags?: number;
  readonly sizes?: number;
  readonly extra?: Uint8Array;
  readonly blocks?: readonly Uint8Array[];
  readonly magic?: number;
  readonly headerOff?: number;
  readonly blockOff?: number;
  readonly contentOff?: number;
  readonly end?: Uint8Array;
}

/** An LZ4 frame with stored blocks. */
function lz4(o: Frame = {}): Uint8Array {
  const { flags = 0x60, blocks = [three] } = o;
  const descriptor = concat(bytes(flags, o.sizes ?? 0x40), o.extra ?? bytes());
  const parts = blocks.flatMap((block) => [
    little(block.length + 0x80000000, 4),
    block,
    flags & 0x10 ? little(xxhash32(block) ^ (o.blockOff ?? 0), 4) : bytes(),
  ]);
  const content = flags & 4 ? little(xxhash32(concat(...blocks)) ^ (o.contentOff ?? 0), 4) : bytes();
  const check = bytes(((xxhash32(descriptor) >> 8) & 255) ^ (o.headerOff ?? 0));
  return concat(
    little(o.magic ?? 0x184d2204, 4),
    descriptor,
    check,
    ...parts,
    o.end ?? little(0, 4),
    content,
  );
}
/** An LZ4 block that repeats one byte, and decompresses to more than a block may hold. */
const run = concat(
  bytes(0x1f, 65, 1, 0),
  new Uint8Array(300).fill(255),
  bytes(0),
  bytes(0x50),
  text('abcde'),
);
const inflating = concat(lz4({ blocks: [], end: bytes() }), little(run.length, 4), run, little(0, 4));
const lz4Cases: [string, Uint8Array, number][] = [
  ['a stored block', lz4(), OK],
  ['linked blocks', lz4({ flags: 0x40 }), UNREADABLE],
  ['version 0', lz4({ flags: 0x20 }), UNREADABLE],
  ['version 2', lz4({ flags: 0xa0 }), UNREADABLE],
  ['a wrong header checksum', lz4({ headerOff: 1 }), UNREADABLE],
  ['block checksums', lz4({ flags: 0x70 }), OK],
  ['a wrong block checksum', lz4({ flags: 0x70, blockOff: 1 }), UNREADABLE],
  ['a content checksum', lz4({ flags: 0x64 }), OK],
  ['a wrong content checksum, which is not compared', lz4({ flags: 0x64, contentOff: 1 }), OK],
  ['a content checksum that is missing', lz4({ flags: 0x64 }).subarray(0, -4), UNREADABLE],
  ['a content size', lz4({ flags: 0x68, extra: little(three.length, 8) }), OK],
  ['a wrong content size, which is not compared', lz4({ flags: 0x68, extra: little(99_999, 8) }), OK],
  ['a dictionary', lz4({ flags: 0x61, extra: little(1, 4) }), UNREADABLE],
  ['a reserved flag', lz4({ flags: 0x62 }), UNREADABLE],
  ['blocks of size code 3', lz4({ sizes: 0x30 }), UNREADABLE],
  ['blocks of size code 7', lz4({ sizes: 0x70 }), OK],
  ['reserved low bits of the sizes', lz4({ sizes: 0x41 }), UNREADABLE],
  ['the reserved high bit of the sizes', lz4({ sizes: 0xc0 }), UNREADABLE],
  ['no end mark', lz4({ end: bytes() }), UNREADABLE],
  ['a block that is cut', lz4({ end: bytes() }).subarray(0, -3), UNREADABLE],
  ['garbage behind', concat(lz4(), text('garbage')), OK],
  ['a second frame, which is not read', concat(lz4({ blocks: [head] }), lz4({ blocks: [tail] })), INVALID],
  ['a second frame that is not needed', concat(lz4(), lz4()), OK],
  ['a skippable frame before', concat(skippable, lz4()), UNREADABLE],
  ['a block larger than announced', lz4({ blocks: [concat(three, new Uint8Array(65_536))] }), UNREADABLE],
  ['a block that unfolds to more than announced', inflating, UNREADABLE],
  ['a record that spans blocks', lz4({ blocks: [head, tail] }), OK],
  ['an empty stored block, which ends the frame', lz4({ blocks: [bytes(), three] }), INVALID],
  ['another magic', lz4({ magic: 0x184c2102 }), UNREADABLE],
  ['six bytes', lz4().subarray(0, 6), UNREADABLE],
  ['something else', three, UNREADABLE],
  ['nothing', bytes(), UNREADABLE],
];

// ---- snappy

const xerial = snappyCompress(three);
const bare = snappyCompressBlock(three);
const snappyCases: [string, Uint8Array, number][] = [
  ['a bare block', bare, OK],
  ['xerial', xerial, OK],
  ['a bare block that is cut', bare.subarray(0, -1), UNREADABLE],
  ['a bare block with bytes behind', concat(bare, bytes(1, 2, 3)), UNREADABLE],
  ['a size that is one more', changed(bare, 0, (size) => size + 1), UNREADABLE],
  ['a size that is one less', changed(bare, 0, (size) => size - 1), UNREADABLE],
  ['a copy from nowhere', bytes(5, 1 | (1 << 2), 9), UNREADABLE],
  ['a record that spans blocks', concat(snappyCompress(head), snappyCompress(tail).subarray(16)), OK],
  ['a record that spans streams', concat(snappyCompress(head), snappyCompress(tail)), OK],
  ['a block that is cut', xerial.subarray(0, -1), UNREADABLE],
  ['two bytes behind', concat(xerial, bytes(0, 0)), OK],
  ['a block that is not there', concat(xerial, bytes(0, 0, 0, 9, 1, 2)), UNREADABLE],
  ['a block of no bytes', concat(xerial, bytes(0, 0, 0, 0)), UNREADABLE],
  ['a block of nothing', concat(xerial, bytes(0, 0, 0, 1, 0)), OK],
  ['a negative size', concat(xerial, bytes(255, 255, 255, 255)), UNREADABLE],
  ['only the header', xerial.subarray(0, 16), INVALID],
  ['another version', changed(xerial, 11, () => 2), OK],
  ['compatible with another version', changed(xerial, 15, () => 2), OK],
  ['something else', new Uint8Array(40).fill(0xff), UNREADABLE],
  ['nothing', bytes(), UNREADABLE],
];

async function verdicts(codec: number, payload: Uint8Array): Promise<number[]> {
  const batch = batchOf(payload, 3, { codec });
  const header = headerOf(batch);
  const all = [
    checkRecords(batch, header, rules(), codecs, LOOP_WORK_MAX),
    checkRecordsWhole(batch, header, rules(), codecs),
    await checkRecordsStreaming(batch, header, rules()),
  ];
  return all.map((verdict) => (verdict === undefined ? Number.NaN : verdict.ok ? OK : verdict.errorCode));
}

describe.each([
  ['gzip', GZIP, gzipCases],
  ['snappy', SNAPPY, snappyCases],
  ['lz4', LZ4, lz4Cases],
  ['zstd', ZSTD, zstdCases],
] as const)('%s', (_name, codec, cases) => {
  it.each(cases)('%s', async (_what, payload, expected) => {
    expect(await verdicts(codec, payload)).toEqual([expected, expected, expected]);
  });

  it('readRecords reads every accepted payload', () => {
    for (const [, payload, expected] of cases) {
      if (expected !== OK) continue;
      expect([...readRecords(batchOf(payload, 3, { codec }), codecs)].map(({ offset }) => offset)).toEqual([
        0, 1, 2,
      ]);
    }
  });

  it('a payload that is too large gets another error than a damaged one, also as a stream', async () => {
    const plain = new Uint8Array(1 << 20);
    const packed = codecs.compress(codec, plain);
    const half = 1 << 19;
    const nothing = { push: () => true };
    expect(() => codecs.decompress(codec, packed, half)).toThrow(TooLargeError);
    await expect(unfoldStreaming(codec, packed, half, nothing)).rejects.toThrow(TooLargeError);
    await expect(unfoldStreaming(codec, packed, plain.length, nothing)).resolves.toBeUndefined();
    const damaged = packed.subarray(0, packed.length >> 1);
    for (const unfold of [codecs.decompress, codecs.unfold] as CompressionCodecs['unfold'][])
      expect(() => unfold(codec, damaged, 1 << 24, nothing)).toThrow(DecodeError);
    expect(() => codecs.decompress(codec, damaged, 1 << 24)).not.toThrow(TooLargeError);
    await expect(unfoldStreaming(codec, damaged, 1 << 24, nothing)).rejects.not.toThrow(TooLargeError);
  });

  it('decompressing ends early if the sink wants no more', async () => {
    const packed = codecs.compress(codec, new Uint8Array(4 << 20));
    let pushed = 0;
    await unfoldStreaming(codec, packed, 1 << 30, { push: () => ++pushed < 1 });
    expect(pushed).toBe(1);
  });
});

test('empty frames and members use up the limit, also as a stream', async () => {
  const payloads = [
    [ZSTD, zstd(bytes())],
    [GZIP, gzipSync(bytes())],
  ] as const;
  for (const [codec, one] of payloads) {
    const payload = concat(...Array.from({ length: 17 }, () => one));
    const nothing = { push: () => true };
    expect(() => codecs.unfold(codec, payload, 1 << 20, nothing)).toThrow(TooLargeError);
    await expect(unfoldStreaming(codec, payload, 1 << 20, nothing)).rejects.toThrow(TooLargeError);
  }
});

test('many empty frames and members before the records use up the limit', async () => {
  const empty = zstd(bytes());
  const frames = concat(...Array.from({ length: 100 }, () => empty), zstd(three));
  const nothing = { push: () => true };
  for (const [codec, payload] of [
    [ZSTD, frames],
    [GZIP, concat(...Array.from({ length: 100 }, () => gzipSync(bytes())), gzip)],
  ] as const) {
    expect(() => codecs.unfold(codec, payload, 1 << 20, nothing)).toThrow(TooLargeError);
    await expect(unfoldStreaming(codec, payload, 1 << 20, nothing)).rejects.toThrow(TooLargeError);
    await expect(unfoldStreaming(codec, payload, 1 << 24, nothing)).resolves.toBeUndefined();
  }
});
