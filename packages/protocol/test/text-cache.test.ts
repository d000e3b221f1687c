/** Goal: a cached text equals the text that plain decoding gives, and repeated bytes give the same string. */
import { ZERO_UUID } from '@millrace/base';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { readUtf8, readUuid } from '../src/bytes.ts';
import { TextCache } from '../src/text-cache.ts';

const bytesOfTexts = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 80 }).map((text) => new TextEncoder().encode(text)),
  // Few different bytes, so that many texts collide. Some of them are invalid UTF-8.
  fc.uint8Array({ maxLength: 4 }).map((bytes) => bytes.map((byte) => (byte % 2 === 0 ? 0x61 : 0xe9))),
);

it('a cache decodes every text as plain decoding does, whatever it has decoded before', () => {
  fc.assert(
    fc.property(fc.array(bytesOfTexts, { maxLength: 40 }), (texts) => {
      const cache = new TextCache();
      for (const bytes of [...texts, ...texts])
        expect(cache.text(bytes, 0, bytes.length)).toBe(readUtf8(bytes, 0, bytes.length));
    }),
  );
});

it('a cache decodes every id as plain decoding does, whatever it has decoded before', () => {
  const idBytes = fc
    .uint8Array({ minLength: 16, maxLength: 16 })
    .map((bytes) => bytes.map((byte, at) => (at % 5 === 0 ? byte : byte % 2)));
  fc.assert(
    fc.property(fc.array(idBytes, { maxLength: 40 }), (ids) => {
      const cache = new TextCache();
      for (const bytes of [...ids, ...ids]) expect(cache.uuid(bytes, 0)).toBe(readUuid(bytes, 0));
    }),
  );
  expect(new TextCache().uuid(new Uint8Array(16), 0)).toBe(ZERO_UUID);
});

it('a Latin-1 character in the cache is not mistaken for invalid UTF-8 bytes', () => {
  const cache = new TextCache();
  expect(cache.text(Uint8Array.of(0xe9, 0xe9), 0, 2)).toBe('\ufffd\ufffd');
  expect(cache.text(Uint8Array.of(0xc3, 0xa9), 0, 2)).toBe('é');
  expect(cache.text(Uint8Array.of(0xe9), 0, 1)).toBe('\ufffd');
});

it('a text longer than the cache keeps is decoded in full', () => {
  const bytes = new Uint8Array(1000).fill(0x78);
  expect(new TextCache().text(bytes, 0, 1000)).toBe('x'.repeat(1000));
});
