/**
 * Prints fetched records, up to a count and up to the end of each partition. Calls `finished` when there is
 * nothing more to print, even if there was no record at all. The stream may accept the last records later;
 * `flushed` waits for that.
 */
import { type FetchedRecords, partitionName, type StoredPlace, type TopicPartition } from '@millrace/client';
import {
  batchSizeAt,
  DecodeError,
  type Record as KafkaRecord,
  RECORDS_WORK_MAX,
  readBatchHeader,
  readRecords,
} from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import type { Format } from './format.ts';

export interface PrinterOptions {
  readonly stream: NodeJS.WritableStream;
  readonly format: Format;
  /** Undefined: no limit. */
  readonly count: number | undefined;
  /** Called when the output has accepted the records before `offset`. `place`: as passed to `records`. */
  printed(place: StoredPlace, offset: number, leaderEpoch: number): void;
  /** Called with true when the output cannot accept more now, and with false when it has drained. */
  behind(isBehind: boolean): void;
  /** Called at most once: when there is nothing more to print. Not called after `failed` or `stop`. */
  finished(): void;
  /**
   * Called when the record at `offset` cannot be decoded. The printer has printed the records before it, and
   * prints nothing more.
   */
  failed(place: TopicPartition, offset: number, error: string): void;
}

export class Printer {
  printedRecords = 0;
  private readonly options: PrinterOptions;
  /** The ends by partition, and the partitions that have not reached their end. */
  private readonly ends = new Map<string, number>();
  private readonly unreached = new Set<string>();
  private hasEnds = false;
  private isFinished = false;
  /** The output has refused a write, and has not drained since. */
  private isBehind = false;
  private writes = 0;
  private readonly idle: (() => void)[] = [];

  constructor(options: PrinterOptions) {
    this.options = options;
  }

  /**
   * From now on the printer prints this partition only up to `end`. `position`: the offset of the next record
   * to read.
   */
  endAt(place: TopicPartition, end: number, position: number): void {
    const name = partitionName(place);
    this.ends.set(name, end);
    if (position < end) this.unreached.add(name);
    else this.unreached.delete(name);
  }

  /**
   * Removes the end of the partition. Call this when another member reads the partition, or before its end is
   * looked up again.
   */
  forget(place: TopicPartition): void {
    this.ends.delete(partitionName(place));
    this.unreached.delete(partitionName(place));
  }

  /** Call this when a lookup of ends begins. The printer does not finish before `endsKnown`. */
  endsAwaited(): void {
    this.hasEnds = false;
  }

  /** Call this when every end is known. The printer finishes when it has reached all of them. */
  endsKnown(): void {
    this.hasEnds = true;
    this.finishAtEnds();
  }

  records(place: StoredPlace, { bytes, fetchOffset }: FetchedRecords): void {
    if (this.isFinished) return;
    const { format, count } = this.options;
    const name = partitionName(place);
    const end = this.ends.get(name) ?? Number.POSITIVE_INFINITY;
    if (fetchOffset >= end) {
      this.reached(place, fetchOffset);
      return;
    }
    const chunks: Uint8Array[] = [];
    let next = fetchOffset;
    let leaderEpoch = -1;
    let failure: string | undefined;
    try {
      for (let at = 0; at < bytes.length && next < end && !this.isFinished; ) {
        const batch = bytes.subarray(at, at + batchSizeAt(bytes, at)!);
        at += batch.length;
        const header = readBatchHeader(batch, 0);
        leaderEpoch = header.leaderEpoch;
        // The markers of transactions are no records of an application.
        for (const record of header.isControl ? [] : recordsOf(batch)) {
          if (record.offset < fetchOffset) continue;
          if (record.offset >= end || this.isFinished) break;
          chunks.push(format({ ...place, ...record }));
          next = record.offset + 1;
          if (++this.printedRecords === count) this.isFinished = true;
        }
        if (!this.isFinished) next = Math.max(next, header.lastOffset + 1);
      }
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      failure = error.message;
      this.isFinished = true;
    }
    this.write(chunks, place, Math.min(next, end), leaderEpoch);
    if (failure !== undefined) {
      this.options.failed(place, next, failure);
      return;
    }
    if (next >= end) this.unreached.delete(name);
    if (this.isFinished) this.options.finished();
    else this.finishAtEnds();
  }

  /**
   * Call this when reading continues at `position` without a record. If the log has lost the last records
   * before the end, the position reaches the end in this way.
   */
  reached(place: TopicPartition, position: number): void {
    const name = partitionName(place);
    const end = this.ends.get(name);
    if (end === undefined || position < end) return;
    this.unreached.delete(name);
    this.finishAtEnds();
  }

  /** Prints nothing more. */
  stop(): void {
    this.isFinished = true;
  }

  /** Resolves when the output has accepted everything, or has failed. */
  flushed(): Promise<void> {
    return this.writes === 0 ? Promise.resolve() : new Promise((resolve) => this.idle.push(resolve));
  }

  private write(chunks: readonly Uint8Array[], place: StoredPlace, next: number, leaderEpoch: number): void {
    const { stream, printed, behind } = this.options;
    this.writes++;
    const isTaken = stream.write(Buffer.concat(chunks), (error) => {
      if (!error) printed(place, next, leaderEpoch);
      if (--this.writes === 0) for (const resolve of this.idle.splice(0)) resolve();
    });
    if (isTaken || this.isBehind) return;
    this.isBehind = true;
    behind(true);
    stream.once('drain', () => {
      this.isBehind = false;
      behind(false);
    });
  }

  private finishAtEnds(): void {
    if (!this.hasEnds || this.isFinished || this.unreached.size > 0) return;
    this.isFinished = true;
    this.options.finished();
  }
}

/**
 * Decodes the records of a batch, with the brokers' limit for their size: brokers append no batch whose
 * records decompress to more.
 */
function recordsOf(batch: Uint8Array): Iterable<KafkaRecord> {
  return readRecords(batch, compressionCodecs, RECORDS_WORK_MAX);
}
