/** Goal: no turn of the event loop moves more than about one table of the offset map. */
import { Prng } from '@millrace/base';
import { expect, test } from 'vitest';
import { KEY_WORDS } from '../../src/cleaner/index-keys.ts';
import { insertKeys, KEYS_PER_TURN } from '../../src/cleaner/insert-keys.ts';
import { ENTRY_BYTES, latestOffset, OffsetMap } from '../../src/cleaner/offset-map.ts';

const SLOTS = 400_000;
const KEYS = 100_000;

function randomKeys(count: number): Int32Array {
  const random = new Prng(1);
  const keys = new Int32Array(count * KEY_WORDS);
  for (let at = 0; at < keys.length; at += KEY_WORDS) {
    for (let i = 0; i < 4; i++) keys[at + i] = random.below(2 ** 32);
    keys[at + 4] = at / KEY_WORDS;
  }
  return keys;
}

test('a turn ends when the growing tables have moved as many keys as a turn may insert', () => {
  const map = new OffsetMap({ bytesMax: SLOTS * ENTRY_BYTES, loadFactor: 0.9 });
  const keys = randomKeys(KEYS);
  let next = 0;
  let turns = 0;
  while (next < keys.length) {
    const movedBefore = map.movedKeys;
    const inserted = insertKeys(map, keys, next);
    const work = (inserted.next - next) / KEY_WORDS + map.movedKeys - movedBefore;
    const tableSlotsMax = SLOTS / map.shared.slots.length;
    expect(work).toBeLessThan(KEYS_PER_TURN + tableSlotsMax);
    expect(inserted.isFull).toBe(false);
    next = inserted.next;
    turns++;
  }
  // Each key was moved about once, so the turns are about twice as many as without growth.
  expect(map.movedKeys).toBeGreaterThan(KEYS / 2);
  expect(turns).toBeLessThan(3 * (KEYS / KEYS_PER_TURN));
  expect(map.size).toBe(KEYS);
  for (let at = 0; at < keys.length; at += 1000 * KEY_WORDS)
    expect(latestOffset(map.shared, keys, at)).toBe(at / KEY_WORDS);
});

test('a full map stops at the first key that it has no room for', () => {
  const map = new OffsetMap({ bytesMax: 101 * ENTRY_BYTES, loadFactor: 1 });
  const inserted = insertKeys(map, randomKeys(1000), 0);
  expect(inserted).toEqual({ next: 100 * KEY_WORDS, isFull: true });
});
