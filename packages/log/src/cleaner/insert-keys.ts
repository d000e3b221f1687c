/**
 * Inserts the keys that `indexKeys` found into the offset map, a part of them in each turn of the event loop.
 * The tables of a map fill equally fast, so nearly all of them grow within the same few thousand insertions.
 * A growing table moves its keys. So a turn counts the moved keys, too.
 */
import { KEY_WORDS, offsetAt } from './index-keys.ts';
import type { OffsetMap } from './offset-map.ts';

/**
 * A turn ends when it has inserted or moved this many keys: after about a millisecond, or after the growth of
 * one table.
 */
export const KEYS_PER_TURN = 10_000;

export interface Inserted {
  /** Index of the first key that was not inserted. */
  readonly next: number;
  /** True if the map has no room for that key. */
  readonly isFull: boolean;
}

/** Inserts keys from the index `from` on, as many as one turn may insert. */
export function insertKeys(map: OffsetMap, keys: Int32Array, from: number): Inserted {
  const movedBefore = map.movedKeys;
  let count = 0;
  let next = from;
  while (next < keys.length && count + map.movedKeys - movedBefore < KEYS_PER_TURN) {
    if (!map.put(keys, next, offsetAt(keys, next))) return { next, isFull: true };
    next += KEY_WORDS;
    count++;
  }
  return { next, isFull: false };
}
