/**
 * Goal: the WebAssembly computes CRC-32C. Method: published vectors, and a simple implementation that works
 * bit by bit.
 */
import { crc32c } from '@millrace/protocol';
import fc from 'fast-check';
import { expect, it } from 'vitest';

function dumbCrc32c(bytes: Uint8Array, start: number, end: number): number {
  let crc = 0xffffffff;
  for (const byte of bytes.subarray(start, end)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

// RFC 3720, appendix B.4, and the usual check value.
it.each([
  ['32 zeros', new Uint8Array(32), 0x8a9136aa],
  ['32 ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ['0 to 31', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
  ['31 to 0', Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
  ['123456789', Buffer.from('123456789'), 0xe3069283],
  ['nothing', new Uint8Array(0), 0],
])('gives the published checksum of %s', (_, bytes, expected) => {
  expect(crc32c(bytes)).toBe(expected);
});

it('agrees with the simple implementation on any part of any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), fc.nat(200), (bytes, a, b) => {
      const start = Math.min(a, b, bytes.length);
      const end = Math.min(Math.max(a, b), bytes.length);
      expect(crc32c(bytes, start, end)).toBe(dumbCrc32c(bytes, start, end));
    }),
  );
});

it('agrees with the simple implementation on more bytes than one call of the WebAssembly can check', () => {
  const bytes = Uint8Array.from({ length: 300_001 }, (_, i) => i * 31 + (i >> 8));
  for (const [start, end] of [
    [0, 300_001],
    [3, 114_691],
    [3, 114_692],
    [1, 229_377],
  ] as const)
    expect(crc32c(bytes, start, end)).toBe(dumbCrc32c(bytes, start, end));
});
