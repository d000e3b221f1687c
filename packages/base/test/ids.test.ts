import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isUuid, Prng, uuidFromBytes, uuidToBytes, ZERO_UUID } from '../src/index.ts';

test('the text of a uuid is URL-safe base64 of its 16 bytes, both ways', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
      const text = uuidFromBytes(bytes);
      expect(text).toBe(Buffer.from(bytes).toString('base64url'));
      expect([...uuidToBytes(text)]).toEqual([...bytes]);
      expect(isUuid(text)).toBe(true);
    }),
  );
  expect(uuidFromBytes(new Uint8Array(16))).toBe(ZERO_UUID);
});

test('isUuid rejects malformed ids', () => {
  for (const text of ['', 'AAAAAAAAAAAAAAAAAAAAA', 'AAAAAAAAAAAAAAAAAAAAAB', 'AAAAAAAAAAAAAAAAAAAAA+']) {
    expect(isUuid(text)).toBe(false);
  }
});

test('a seed decides every draw; draws from one fork do not change the draws from another', () => {
  const a = new Prng(7);
  const b = new Prng(7);
  expect(Array.from({ length: 20 }, () => a.below(10))).toEqual(
    Array.from({ length: 20 }, () => b.below(10)),
  );
  const fork = new Prng(7).fork('election').u32();
  const other = new Prng(7);
  other.fork('placement').u32();
  expect(other.fork('election').u32()).toBe(fork);
  expect(new Prng(7).uuid().startsWith('-')).toBe(false);
});

test('every value is drawn about equally often', () => {
  const random = new Prng(1);
  const counts = new Array<number>(6).fill(0);
  for (let i = 0; i < 60_000; i++) counts[random.below(6)]!++;
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
});
