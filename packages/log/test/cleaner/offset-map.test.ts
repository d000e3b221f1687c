/** Compares the map with a Map, in memory that fits all keys, and in memory that does not. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Md5 } from '../../src/cleaner/md5.ts';
import { ENTRY_BYTES, latestOffset, OffsetMap } from '../../src/cleaner/offset-map.ts';

const md5 = new Md5();

function hashOf(key: number): Int32Array {
  const text = new TextEncoder().encode(`key-${key}`);
  md5.hash(text, 0, text.length);
  return md5.words;
}

test('knows the largest offset of each key, also beyond 2^32', () => {
  const steps = fc.array(fc.tuple(fc.nat(300), fc.integer({ min: 1, max: 2 ** 40 })), { maxLength: 400 });
  fc.assert(
    fc.property(steps, (puts) => {
      const map = new OffsetMap({ bytesMax: 1 << 16, loadFactor: 0.9 });
      const twin = new Map<number, number>();
      let offset = -1;
      for (const [key, gap] of puts) {
        offset += gap;
        expect(map.put(hashOf(key), 0, offset)).toBe(true);
        twin.set(key, offset);
      }
      expect(map.size).toBe(twin.size);
      for (let key = 0; key <= 300; key++)
        expect(latestOffset(map.shared, hashOf(key))).toBe(twin.get(key) ?? -1);
    }),
  );
});

test('a full map takes no new keys, but still takes new offsets of the keys that it has', () => {
  for (const slots of [2, 10, 100, 5000, 300_000]) {
    const map = new OffsetMap({ bytesMax: slots * ENTRY_BYTES, loadFactor: 0.9 });
    let keys = 0;
    while (map.put(hashOf(keys), 0, keys)) keys++;
    expect(map.size).toBe(keys);
    expect(keys).toBeLessThanOrEqual(Math.max(1, slots * 0.9));
    // The tables fill up evenly, so hardly any place is lost.
    expect(keys).toBeGreaterThanOrEqual(Math.max(1, Math.floor(slots * 0.9 * 0.97)));
    expect(map.put(hashOf(0), 0, 2 ** 40)).toBe(true);
    expect(latestOffset(map.shared, hashOf(0))).toBe(2 ** 40);
    expect(latestOffset(map.shared, hashOf(keys))).toBe(-1);
    const bytes = map.shared.words.byteLength;
    expect(bytes).toBeLessThanOrEqual(slots * ENTRY_BYTES);
  }
});
