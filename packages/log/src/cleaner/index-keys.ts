/**
 * Finds the keys in a part of a log, with the offsets of their records. Pure: runs as a job. The owner of the
 * offset map inserts the result.
 */
import type { Offset } from '@millrace/base';
import type { CompressionCodecs } from '@millrace/protocol';
import { HASH_WORDS, Md5 } from './md5.ts';
import { RecordCursor } from './record-cursor.ts';
import { forEachBatch, plainRecords } from './stored-batches.ts';

/** A hash, and the offset as a pair of words, low word first. */
export const KEY_WORDS = HASH_WORDS + 2;

/**
 * The keys of all records that have a key, at `fromOffset` or later, in the order of the log: KEY_WORDS words
 * for each. `bytes` holds whole batches. Throws DecodeError.
 *
 * Leaves out the records of transactions. Millrace has no transactions yet, so the cleaner cannot tell
 * whether one was aborted, and an aborted record must not replace an older one.
 */
export function indexKeys(bytes: Uint8Array, fromOffset: Offset, codecs: CompressionCodecs): Int32Array {
  const md5 = new Md5();
  let keys = new Int32Array(1024 * KEY_WORDS);
  let used = 0;
  forEachBatch(bytes, (header, batch) => {
    if (header.isControl || header.isTransactional || header.lastOffset < fromOffset) return;
    const plain = plainRecords(batch, header, codecs);
    const cursor = new RecordCursor(plain, header.recordCount);
    while (cursor.next()) {
      const offset = header.baseOffset + cursor.offsetDelta;
      if (cursor.keyBytes < 0 || offset < fromOffset) continue;
      if (used === keys.length) {
        const larger = new Int32Array(2 * keys.length);
        larger.set(keys);
        keys = larger;
      }
      md5.hash(plain, cursor.keyStart, cursor.keyStart + cursor.keyBytes);
      keys.set(md5.words, used);
      keys[used + HASH_WORDS] = offset | 0;
      keys[used + HASH_WORDS + 1] = Math.floor(offset / 2 ** 32);
      used += KEY_WORDS;
    }
  });
  return keys.subarray(0, used);
}

/** The offset of the key at `at`. */
export function offsetAt(keys: Int32Array, at: number): Offset {
  return keys[at + HASH_WORDS + 1]! * 2 ** 32 + (keys[at + HASH_WORDS]! >>> 0);
}
