/**
 * Goal: every codec gives back its input, in each framing that clients use. Damaged bytes cause a DecodeError
 * or other output, and the output never exceeds its limit. Method: round trips, hand-made blocks, random
 * damage.
 */
import { DecodeError } from '@millrace/protocol';
import { compressionCodecs as codecs } from '@millrace/protocol/io';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { snappyCompressBlock, snappyDecompress } from '../../src/compression/snappy.ts';
import { xxhash32 } from '../../src/compression/xxhash32.ts';

const CODECS = [
  ['none', 0],
  ['gzip', 1],
  ['snappy', 2],
  ['lz4', 3],
  ['zstd', 4],
] as const;
const LIMIT = 1 << 24;
const text = (length: number) =>
  Buffer.from(Array.from({ length }, (_, i) => `line ${i % 97} of ${i * i};`).join('')).subarray(0, length);
const noise = (length: number) => {
  let x = 1;
  return Uint8Array.from({ length }, () => {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    return x >>> 24;
  });
};
const SAMPLES: [string, Uint8Array][] = [
  ['nothing', new Uint8Array(0)],
  ['one byte', Uint8Array.of(1)],
  ['a run', new Uint8Array(200_000).fill(65)],
  ['text', text(300_000)],
  ['noise', noise(150_000)],
  ['text and noise', Buffer.concat([text(70_000), noise(70_000), text(70_000)])],
];

describe.each(CODECS)('%s', (_name, codec) => {
  it.each(SAMPLES)('gives back %s', (_, plain) => {
    const packed = codecs.compress(codec, plain);
    expect(Buffer.compare(codecs.decompress(codec, packed, LIMIT), plain)).toBe(0);
  });

  it('gives back any bytes', () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc
        .tuple(fc.uint8Array({ minLength: 1, maxLength: 8 }), fc.integer({ min: 1, max: 90 }))
        .map(([unit, times]) =>
          Uint8Array.from({ length: unit.length * times }, (_, i) => unit[i % unit.length]!),
        ),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 10 }), (pieces) => {
        const plain = Buffer.concat(pieces);
        expect(Buffer.compare(codecs.decompress(codec, codecs.compress(codec, plain), LIMIT), plain)).toBe(0);
      }),
      { numRuns: 150 },
    );
  });
});

describe.each(CODECS.slice(1))('%s', (_name, codec) => {
  it('makes text smaller', () => {
    expect(codecs.compress(codec, text(100_000)).length).toBeLessThan(60_000);
  });

  it('stops at the limit', () => {
    const packed = codecs.compress(codec, new Uint8Array(1 << 20));
    expect(() => codecs.decompress(codec, packed, 1 << 19)).toThrow(DecodeError);
    expect(codecs.decompress(codec, packed, 1 << 20).length).toBe(1 << 20);
  });

  it('damaged bytes cause a DecodeError or other output, but no other error', () => {
    const packed = codecs.compress(codec, text(2_000));
    fc.assert(
      fc.property(fc.nat(packed.length - 1), fc.nat(255), fc.nat(packed.length), (at, byte, length) => {
        const damaged = Uint8Array.from(packed.subarray(0, Math.max(length, 1)));
        if (at < damaged.length) damaged[at] = byte;
        try {
          codecs.decompress(codec, damaged, LIMIT);
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('snappy', () => {
  it('reads a bare block as librdkafka writes it', () => {
    const plain = text(60_000);
    expect(Buffer.compare(snappyDecompress(snappyCompressBlock(plain), LIMIT), plain)).toBe(0);
  });

  // Written by hand after google/snappy's format description: size 11, literal "abc", then a copy of 8 bytes
  // that begins 3 bytes back.
  it('reads an overlapping copy', () => {
    const block = Buffer.from('0b08616263' + '1103', 'hex');
    expect(Buffer.from(snappyDecompress(block, LIMIT)).toString()).toBe('abcabcabcab');
  });

  it.each([
    ['', 'no size'],
    ['0b', 'fewer bytes than announced'],
    ['ffffffff0f', 'more bytes than allowed'],
    ['0b0861', 'literal too long'],
    ['0b086162631504', 'copy from or to nowhere'],
    ['0b086162631100', 'copy from or to nowhere'],
    ['0bfc', 'cut short'],
  ])('refuses %s', (block, problem) => {
    expect(() => snappyDecompress(Buffer.from(block, 'hex'), LIMIT)).toThrow(`snappy: ${problem}`);
  });
});

// Published test values of the reference implementation.
it.each([
  ['', 0x02cc5d05],
  ['a', 0x550d7456],
  ['abc', 0x32d153ff],
  ['Nobody inspects the spammish repetition', 0xe2293b2f],
])('xxhash32 of "%s"', (input, expected) => {
  expect(xxhash32(Buffer.from(input))).toBe(expected);
});

it('an unknown codec causes a DecodeError', () => {
  expect(() => codecs.decompress(5, new Uint8Array(1), LIMIT)).toThrow(DecodeError);
});
