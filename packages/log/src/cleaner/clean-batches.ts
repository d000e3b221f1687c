/**
 * The filter of the cleaner. It drops each record that a later record of the same key replaces, and each
 * tombstone that need not stay any longer. Pure: runs as a job.
 *
 * Offsets, timestamps and the order of the records stay. A batch keeps its first and last offset, its
 * producer and its sequence numbers. So a filtered batch looks like the original one to everybody except a
 * reader of the lost records.
 *
 * A tombstone stays for `delete.retention.ms` after the cleaning that first saw it, so that a slow consumer
 * gets it. The end of this time is the batch's *delete horizon*. The batch stores it as its base timestamp,
 * with bit 6 of the attributes (KIP-534). A batch that has a horizon keeps it.
 */
import type { Millis, Offset, WallMillis } from '@millrace/base';
import {
  addTimestamps,
  BATCH_HEADER_BYTES,
  type BatchHeader,
  type Compression,
  type CompressionCodecs,
  DELETE_HORIZON_BIT,
  joinedChunks,
  KIND_BITS,
  NO_TIMESTAMP,
  type Timestamp,
  wrapTimestamp,
  writeBatchHeader,
} from '@millrace/protocol';
import { Md5 } from './md5.ts';
import { latestOffset, type OffsetTables } from './offset-map.ts';
import { RecordCursor, VARLONG_BYTES_MAX, writeVarlong } from './record-cursor.ts';
import { forEachBatch, plainRecords } from './stored-batches.ts';

/** The filter has room for the places of this many records of a batch before it takes more memory. */
const FIRST_PLACES = 1024;

/** Plain data, so that a job can get it. */
export interface FilterOptions {
  /** The tables of the offset map. */
  readonly tables: OffsetTables;
  /** The offset map covers the log below this offset. Records from here on stay. */
  readonly mapEnd: Offset;
  readonly nowWallMs: WallMillis;
  readonly deleteRetentionMs: Millis;
  /** The last offset of each producer's last batch below the end of the cleaning. */
  readonly producersLast: ReadonlySet<Offset>;
  /** The producers of which each batch stays; see last-batches.ts. */
  readonly producersKept: ReadonlySet<number>;
  /** True if the last batch of these bytes ends a segment. This batch stays, perhaps without records. */
  readonly endsSegment: boolean;
}

export interface FilterResult {
  /** The batches that stay, one after the other. */
  readonly bytes: Uint8Array;
  readonly recordsKept: number;
  readonly recordsDropped: number;
  /** True if some batch is gone or differs. */
  readonly isChanged: boolean;
}

/**
 * Filters whole batches. The result lies at the beginning of `bytes`, if it fits there. Throws DecodeError if
 * a batch is damaged.
 */
export function cleanBatches(bytes: Uint8Array, o: FilterOptions, codecs: CompressionCodecs): FilterResult {
  const filter = new Filter(o, codecs);
  const kept = new KeptBatches(bytes);
  forEachBatch(bytes, (header, batch, isLast) => {
    const cleaned = filter.clean(header, batch, isLast && o.endsSegment);
    filter.isChanged ||= cleaned !== batch;
    kept.add(cleaned, batch.length);
  });
  const { recordsKept, recordsDropped, isChanged } = filter;
  return { bytes: kept.joined(), recordsKept, recordsDropped, isChanged };
}

/**
 * Moves the batches that stay to the beginning of the bytes that the filter reads. Only a batch that became
 * larger can need the place of batches that the filter has not read yet. From there on the batches are
 * copied.
 */
class KeptBatches {
  private readonly bytes: Uint8Array;
  /** How many bytes the filter has read. */
  private read = 0;
  private keptBytes = 0;
  private copies: Uint8Array[] | undefined;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** `batch`: what stays of the next `sizeBytes` bytes. */
  add(batch: Uint8Array | undefined, sizeBytes: number): void {
    const from = this.read;
    this.read += sizeBytes;
    if (batch === undefined) return;
    if (this.copies === undefined && this.keptBytes + batch.length > this.read)
      this.copies = [this.bytes.slice(0, this.keptBytes)];
    if (this.copies !== undefined) {
      this.copies.push(batch);
      return;
    }
    const isInPlace = this.keptBytes === from && batch.buffer === this.bytes.buffer;
    if (!isInPlace) this.bytes.set(batch, this.keptBytes);
    this.keptBytes += batch.length;
  }

  joined(): Uint8Array {
    if (this.copies !== undefined) return joinedChunks(this.copies);
    return this.bytes.subarray(0, this.keptBytes);
  }
}

class Filter {
  recordsKept = 0;
  recordsDropped = 0;
  isChanged = false;
  private readonly o: FilterOptions;
  private readonly codecs: CompressionCodecs;
  private readonly md5 = new Md5();
  /** The places of the records that stay of the present batch; see `Selected`. */
  private places = new Int32Array(3 * FIRST_PLACES);

  constructor(o: FilterOptions, codecs: CompressionCodecs) {
    this.o = o;
    this.codecs = codecs;
  }

  /** Returns the filtered batch. Undefined: the cleaner drops the whole batch. */
  clean(header: BatchHeader, batch: Uint8Array, endsSegment: boolean): Uint8Array | undefined {
    // Transaction markers stay, because nothing here knows whether the records of the transaction are gone.
    if (header.isControl || header.baseOffset >= this.o.mapEnd) {
      this.recordsKept += header.recordCount;
      return batch;
    }
    const plain = plainRecords(batch, header, this.codecs);
    const found = this.select(header, plain);
    this.recordsKept += found.count;
    this.recordsDropped += header.recordCount - found.count;
    if (found.count === 0) {
      if (!this.isKeptFor(header) && !endsSegment) return undefined;
      return batch.length === BATCH_HEADER_BYTES ? batch : emptyBatch(header);
    }
    const getsHorizon = found.hasTombstone && !header.hasDeleteHorizon && !header.isTransactional;
    if (found.count === header.recordCount && !getsHorizon) return batch;
    const horizon = getsHorizon ? this.o.nowWallMs + this.o.deleteRetentionMs : undefined;
    return this.rebuild(header, found, horizon);
  }

  /** True if the batch may be the last one of its producer below the end of the cleaning. */
  private isKeptFor({ producerId, lastOffset }: BatchHeader): boolean {
    const { producersLast, producersKept } = this.o;
    return producerId >= 0 && (producersLast.has(lastOffset) || producersKept.has(producerId));
  }

  /** Selects the records that stay. */
  private select(header: BatchHeader, plain: Uint8Array): Selected {
    const found = { plain, count: 0, hasTombstone: false, maxTimestamp: NO_TIMESTAMP as Timestamp };
    const cursor = new RecordCursor(plain, header.recordCount);
    while (cursor.next()) {
      if (!this.stays(header, cursor, plain)) continue;
      this.notePlace(3 * found.count, cursor);
      found.count++;
      if (cursor.valueBytes < 0) found.hasTombstone = true;
      const timestamp = addTimestamps(header.baseTimestamp, cursor.timestampDelta);
      if (timestamp > found.maxTimestamp) found.maxTimestamp = timestamp;
    }
    return { ...found, places: this.places.subarray(0, 3 * found.count) };
  }

  private notePlace(at: number, { start, restStart, end }: RecordCursor): void {
    if (at === this.places.length) {
      const larger = new Int32Array(2 * at);
      larger.set(this.places);
      this.places = larger;
    }
    this.places[at] = start;
    this.places[at + 1] = restStart;
    this.places[at + 2] = end;
  }

  private stays(header: BatchHeader, cursor: RecordCursor, plain: Uint8Array): boolean {
    const { tables, mapEnd, nowWallMs } = this.o;
    const offset = header.baseOffset + cursor.offsetDelta;
    if (offset >= mapEnd) return true;
    // A compacted topic refuses records without a key. This record was appended before `cleanup.policy`
    // became `compact`.
    if (cursor.keyBytes < 0) return false;
    this.md5.hash(plain, cursor.keyStart, cursor.keyStart + cursor.keyBytes);
    if (latestOffset(tables, this.md5.words) > offset) return false;
    if (cursor.valueBytes >= 0 || header.isTransactional) return true;
    return !header.hasDeleteHorizon || nowWallMs < header.baseTimestamp;
  }

  /** A batch of the selected records. `horizon`: its new delete horizon, if it gets one. */
  private rebuild(header: BatchHeader, found: Selected, horizon: number | undefined): Uint8Array {
    // With LogAppendTime the records have the time of the header, so their own timestamp deltas mean nothing.
    const isRebased = horizon !== undefined && !header.isLogAppendTime;
    const plain = isRebased ? rebased(found, header.baseTimestamp, horizon) : selected(found);
    const codec = header.compression as Compression;
    const section = codec === 0 ? plain : this.codecs.compress(codec, plain);
    const built = new Uint8Array(BATCH_HEADER_BYTES + section.length);
    built.set(section, BATCH_HEADER_BYTES);
    writeBatchHeader(built, {
      ...fieldsOf(header),
      attributes: header.attributes | (horizon === undefined ? 0 : DELETE_HORIZON_BIT),
      baseTimestamp: horizon ?? header.baseTimestamp,
      maxTimestamp: header.isLogAppendTime ? header.maxTimestamp : found.maxTimestamp,
      recordCount: found.count,
    });
    return built;
  }
}

interface Selected {
  readonly plain: Uint8Array;
  /** Three positions for each record that stays: its start, the part after its timestamp, and its end. */
  readonly places: Int32Array;
  readonly count: number;
  readonly hasTombstone: boolean;
  readonly maxTimestamp: Timestamp;
}

function selected({ plain, places }: Selected): Uint8Array {
  let sizeBytes = 0;
  for (let i = 0; i < places.length; i += 3) sizeBytes += places[i + 2]! - places[i]!;
  const target = new Uint8Array(sizeBytes);
  let at = 0;
  for (let i = 0; i < places.length; i += 3) {
    target.set(plain.subarray(places[i]!, places[i + 2]!), at);
    at += places[i + 2]! - places[i]!;
  }
  return target;
}

/** The selected records with timestamps relative to `newBase`. */
function rebased({ plain, places }: Selected, oldBase: Timestamp, newBase: Timestamp): Uint8Array {
  const cursor = new RecordCursor(plain, Number.MAX_SAFE_INTEGER);
  const shift = wrapTimestamp(BigInt(oldBase) - BigInt(newBase));
  let bytesMax = 0;
  for (let i = 0; i < places.length; i += 3)
    bytesMax += places[i + 2]! - places[i + 1]! + 1 + 2 * VARLONG_BYTES_MAX;
  const target = new Uint8Array(bytesMax);
  const delta = new Uint8Array(VARLONG_BYTES_MAX);
  let at = 0;
  for (let i = 0; i < places.length; i += 3) {
    cursor.end = places[i]!;
    cursor.next();
    const deltaBytes = writeVarlong(delta, 0, addTimestamps(cursor.timestampDelta, shift));
    const restBytes = cursor.end - cursor.restStart;
    at = writeVarlong(target, at, 1 + deltaBytes + restBytes);
    // The attributes of a record lie before its timestamp and are always 0.
    target[at++] = 0;
    target.set(delta.subarray(0, deltaBytes), at);
    at += deltaBytes;
    target.set(plain.subarray(cursor.restStart, cursor.end), at);
    at += restBytes;
  }
  return target.subarray(0, at);
}

/** A batch without records that keeps the offsets, the producer and its sequence numbers. */
function emptyBatch(header: BatchHeader): Uint8Array {
  const built = new Uint8Array(BATCH_HEADER_BYTES);
  writeBatchHeader(built, {
    ...fieldsOf(header),
    attributes: header.attributes & KIND_BITS,
    baseTimestamp: NO_TIMESTAMP,
    maxTimestamp: header.maxTimestamp,
    recordCount: 0,
  });
  return built;
}

function fieldsOf(header: BatchHeader) {
  const { baseOffset, leaderEpoch, lastOffsetDelta, producerId, producerEpoch, baseSequence } = header;
  return { baseOffset, leaderEpoch, lastOffsetDelta, producerId, producerEpoch, baseSequence };
}
