/**
 * The largest offset of each key in a part of a log, in bounded memory. Holds hashes instead of keys: 24
 * bytes for each key. Two keys with the same MD5 hash would count as one key, as in Kafka.
 *
 * The map consists of tables, which grow one by one. So an insertion never moves more than one table's
 * entries, and a log with few keys needs little memory. The tables are shared memory: worker threads look
 * keys up, while only the owner of the map inserts.
 */
import { assert, type Offset } from '@millrace/base';

/** A hash, and the offset plus 1, low word first. Zeros mean that the place is free. */
const ENTRY_WORDS = 6;
export const ENTRY_BYTES = ENTRY_WORDS * 4;
const TABLES_MAX = 256;
/** A map has more than one table only if each table gets at least this many places. */
const TABLE_SLOTS_MIN = 1024;
const FIRST_SLOTS = 64;
/** A table grows when this share of its places is taken. */
const GROW_AT = 0.75;

/** One table of a map. Plain data, so that a job can get it. */
export type OffsetTable = Int32Array<SharedArrayBuffer>;

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
  private readonly tables: OffsetTable[];
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
    this.tables = Array.from({ length: count }, () => newTable(Math.min(FIRST_SLOTS, this.slotsMax)));
    this.sizes = new Int32Array(count);
  }

  /**
   * The tables, for `latestOffset`. A later insertion may replace a table, so get the list again for each
   * job.
   */
  get shared(): readonly OffsetTable[] {
    return [...this.tables];
  }

  /**
   * Notes a key's offset. The hash lies at `at` in `hashes`. The offsets of a key must rise. Returns false if
   * the key is new and there is no room for it.
   */
  put(hashes: Int32Array, at: number, offset: Offset): boolean {
    const index = hashes[at]! & (this.tables.length - 1);
    let table = this.tables[index]!;
    let place = placeOf(table, hashes, at);
    if (isFree(table, place)) {
      if (this.size >= this.sizeMax) return false;
      const slots = table.length / ENTRY_WORDS;
      const taken = this.sizes[index]!;
      if (taken >= slots * GROW_AT && slots < this.slotsMax) {
        table = this.grow(index, Math.min(2 * slots, this.slotsMax));
        place = placeOf(table, hashes, at);
      } else if (taken >= slots - 1) return false;
      for (let i = 0; i < 4; i++) table[place + i] = hashes[at + i]!;
      this.size++;
      this.sizes[index] = taken + 1;
    }
    table[place + 4] = (offset + 1) | 0;
    table[place + 5] = Math.floor((offset + 1) / 2 ** 32);
    return true;
  }

  private grow(index: number, slots: number): OffsetTable {
    const old = this.tables[index]!;
    const table = newTable(slots);
    for (let place = 0; place < old.length; place += ENTRY_WORDS) {
      if (isFree(old, place)) continue;
      const target = placeOf(table, old, place);
      for (let i = 0; i < ENTRY_WORDS; i++) table[target + i] = old[place + i]!;
    }
    this.movedKeys += this.sizes[index]!;
    this.tables[index] = table;
    return table;
  }
}

/** The largest offset of the key with this hash; -1: the map does not have the key. */
export function latestOffset(tables: readonly OffsetTable[], hashes: Int32Array, at = 0): Offset {
  const table = tables[hashes[at]! & (tables.length - 1)]!;
  const place = placeOf(table, hashes, at);
  return table[place + 5]! * 2 ** 32 + (table[place + 4]! >>> 0) - 1;
}

/** Where the key is, or where it would be. */
function placeOf(table: OffsetTable, hashes: Int32Array, at: number): number {
  const a = hashes[at]!;
  const b = hashes[at + 1]!;
  const c = hashes[at + 2]!;
  const d = hashes[at + 3]!;
  let place = ((b >>> 0) % (table.length / ENTRY_WORDS)) * ENTRY_WORDS;
  while (
    !isFree(table, place) &&
    (table[place] !== a || table[place + 1] !== b || table[place + 2] !== c || table[place + 3] !== d)
  ) {
    place += ENTRY_WORDS;
    if (place === table.length) place = 0;
  }
  return place;
}

function isFree(table: OffsetTable, place: number): boolean {
  return table[place + 4] === 0 && table[place + 5] === 0;
}

function newTable(slots: number): OffsetTable {
  return new Int32Array(new SharedArrayBuffer(slots * ENTRY_BYTES));
}
