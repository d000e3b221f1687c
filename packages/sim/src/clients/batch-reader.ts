/**
 * Decodes the batches that the consumers of a run fetch. Several consumers fetch the same batch. After each
 * incident a new consumer reads every log from the beginning. So the reader keeps the records of each batch,
 * and finds them by the bytes of the whole batch. If any byte of a batch differs, the reader decodes the
 * batch again.
 */
import type { SeenRecord } from '@millrace/checkers';
import { type CompressionCodecs, readBatchHeader, readRecords } from '@millrace/protocol';
import { seenRecord } from './sent-value.ts';

/** When the known batches together exceed this size, the reader forgets all of them. */
const KNOWN_BYTES_MAX = 16 << 20;

export class BatchReader {
  private readonly codecs: CompressionCodecs;
  private readonly known = new Map<string, readonly SeenRecord[]>();
  private knownBytes = 0;

  constructor(codecs: CompressionCodecs) {
    this.codecs = codecs;
  }

  /** The records of one whole batch. Throws DecodeError if the batch is damaged. */
  records(batch: Uint8Array): readonly SeenRecord[] {
    const key = textOf(batch);
    let records = this.known.get(key);
    if (records === undefined) {
      records = this.decode(batch);
      this.keep(key, records);
    }
    return records;
  }

  private keep(key: string, records: readonly SeenRecord[]): void {
    this.knownBytes += key.length;
    if (this.knownBytes > KNOWN_BYTES_MAX) {
      this.known.clear();
      this.knownBytes = key.length;
    }
    this.known.set(key, records);
  }

  private decode(batch: Uint8Array): SeenRecord[] {
    const { leaderEpoch } = readBatchHeader(batch, 0);
    return Array.from(readRecords(batch, this.codecs), (record) => seenRecord(record, leaderEpoch));
  }
}

/** A text with one character for each byte. */
function textOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
}
