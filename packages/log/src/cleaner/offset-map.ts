/**
 * The largest offset of each key in a part of a log, in bounded memory. Holds hashes instead of keys: 24
 * bytes for each key. Two keys with the same MD5 hash would count as one key, as in Kafka.
 *
 * The map consists of tables, which grow one by one. So an insertion never moves more than one table's
 * entries. All tables lie in one piece of shared memory, each in a part of its own: worker threads look keys
 * up, while only the owner of the map inserts. A table uses the beginning of its part, so a log with few keys
 * touches little memory. The system provides memory only when it is touched.
 *
 * One piece, because each job gets the map. A message with a piece for each of 256 tables takes 0.2 to 0.4 ms
 * of both threads, and leaves them much garbage; a message with one piece takes 0.004 ms.
 */
import { assert, type Offset } from '@millrace/base';
import { HASH_WORDS } from './md5.ts';

/** A hash, and the offset plus 1, low word first. Zeros mean that the place is free. */
const ENTRY_WORDS = 6;
export const ENTRY_BYTES = ENTRY_WORDS * 4;
const TABLES_MAX = 256;
/** A map has more than one table only if each table gets at least this many places. */
const TABLE_SLOTS_MIN = 1024;
const FIRST_SLOTS = 64;
/** A table grows when this share of its places is taken. */
const GROW_AT = 0.75;

/** The memory of a map. Plain data, so that a job can get it. */
export interface OffsetTables {
  /** The entries of all tables. Each table has an equal part of them. */
  readonly words: Int32Array<SharedArrayBuffer>;
  /** How many places each table has now. */
  readonly slots: Int32Array<SharedArrayBuffer>;
}

export interface OffsetMapOptions {
  /** `log.cleaner.dedupe.buffer.size`, or this map's share of it. */
  readonly bytesMax: number;
  /** `log.cleaner.io.buffer.load.factor`: the map is full when this share of its places is taken. */
  readonly loadFactor: number;
}

export class OffsetMap {
  /** Number of keys. */
  size = 0;
  /** How many keys the map has moved, because their tables grew. */
  movedKeys = 0;
  /** The map takes no more keys than this. */
  readonly sizeMax: number;
  /** The tables, for `latestOffset`. */
  readonly shared: OffsetTables;
  /** Number of keys in each table. */
  private readonly sizes: Int32Array;
  private readonly slotsMax: number;

  constructor({ bytesMax, loadFactor }: OffsetMapOptions) {
    const slots = Math.floor(bytesMax / ENTRY_BYTES);
    assert(slots >= 2, 'a map has places');
    let count = 1;
    while (count < TABLES_MAX && slots / (2 * count) >= TABLE_SLOTS_MIN) count *= 2;
    this.slotsMax = Math.floor(slots / count);
    // One place of each table stays free: a search ends there.
    this.sizeMax = Math.max(1, Math.min(Math.floor(slots * loadFactor), count * (this.slotsMax - 1)));
    this.shared = {
      words: new Int32Array(new SharedArrayBuffer(count * this.slotsMax * ENTRY_BYTES)),
      slots: new Int32Array(new SharedArrayBuffer(count * Int32Array.BYTES_PER_ELEMENT)),
    };
    this.shared.slots.fill(Math.min(FIRST_SLOTS, this.slotsMax));
    this.sizes = new Int32Array(count);
  }

  /**
   * Notes a key's offset. The hash lies at `at` in `hashes`. The offsets of a key must rise. Returns false if
   * the key is new and there is no room for it.
   */
  put(hashes: Int32Array, at: number, offset: Offset): boolean {
    const { words, slots: allSlots } = this.shared;
    let place = placeOf(this.shared, hashes, at);
    if (isFree(words, place)) {
      if (this.size >= this.sizeMax) return false;
      const index = hashes[at]! & (allSlots.length - 1);
      const slots = allSlots[index]!;
      const taken = this.sizes[index]!;
      if (taken >= slots * GROW_AT && slots < this.slotsMax) {
        this.grow(index, Math.min(2 * slots, this.slotsMax));
        place = placeOf(this.shared, hashes, at);
      } else if (taken >= slots - 1) return false;
      for (let i = 0; i < HASH_WORDS; i++) words[place + i] = hashes[at + i]!;
      this.size++;
      this.sizes[index] = taken + 1;
    }
    words[place + 4] = (offset + 1) | 0;
    words[place + 5] = Math.floor((offset + 1) / 2 ** 32);
    return true;
  }

  private grow(index: number, slots: number): void {
    const { words, slots: allSlots } = this.shared;
    const start = index * this.slotsMax * ENTRY_WORDS;
    const end = start + allSlots[index]! * ENTRY_WORDS;
    const old = words.slice(start, end);
    words.fill(0, start, end);
    allSlots[index] = slots;
    for (let from = 0; from < old.length; from += ENTRY_WORDS) {
      if (isFree(old, from)) continue;
      const place = placeOf(this.shared, old, from);
      for (let i = 0; i < ENTRY_WORDS; i++) words[place + i] = old[from + i]!;
    }
    this.movedKeys += this.sizes[index]!;
  }
}

/** The largest offset of the key with this hash; -1: the map does not have the key. */
export function latestOffset(tables: OffsetTables, hashes: Int32Array, at = 0): Offset {
  const { words } = tables;
  const place = placeOf(tables, hashes, at);
  return words[place + 5]! * 2 ** 32 + (words[place + 4]! >>> 0) - 1;
}

/** Where the key is, or where it would be. */
function placeOf({ words, slots }: OffsetTables, hashes: Int32Array, at: number): number {
  const a = hashes[at]!;
  const b = hashes[at + 1]!;
  const c = hashes[at + 2]!;
  const d = hashes[at + 3]!;
  const count = slots.length;
  const index = a & (count - 1);
  const start = index * (words.length / count);
  const end = start + slots[index]! * ENTRY_WORDS;
  let place = start + ((b >>> 0) % slots[index]!) * ENTRY_WORDS;
  while (
    !isFree(words, place) &&
    (words[place] !== a || words[place + 1] !== b || words[place + 2] !== c || words[place + 3] !== d)
  ) {
    place += ENTRY_WORDS;
    if (place === end) place = start;
  }
  return place;
}

function isFree(words: Int32Array, place: number): boolean {
  return words[place + 4] === 0 && words[place + 5] === 0;
}
