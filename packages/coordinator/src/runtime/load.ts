/**
 * Loads a partition: reads it in slices, from the log start offset to the log end offset, and passes each
 * record to `replay`. Then waits until all records that it read are committed. Reads compressed batches, too,
 * because the log compresses batches if the topic's `compression.type` says so.
 */
import type { LeaderEpoch, Offset, Uuid } from '@millrace/base';
import {
  type BatchHeader,
  type CompressionCodecs,
  checkBatchCrc,
  DecodeError,
  ErrorCode,
  readBatchHeader,
  visitRecords,
} from '@millrace/protocol';
import { isCommitted } from './client-errors.ts';
import type { CoordinatorRecord } from './machine.ts';
import type { LedPartitions } from './ports.ts';

/** A leadership of a partition of the internal topic. */
export interface Led {
  readonly topic: string;
  readonly topicId: Uuid;
  readonly index: number;
  readonly leaderEpoch: LeaderEpoch;
}

export type LoadOutcome =
  | { readonly kind: 'loaded'; readonly records: number; readonly endOffset: Offset }
  /** Another attempt may succeed. */
  | { readonly kind: 'unreadable'; readonly errorCode: ErrorCode }
  /** Another attempt would read the same bytes. */
  | { readonly kind: 'corrupt'; readonly offset: Offset; readonly reason: string }
  | { readonly kind: 'leadership-ended' };

export interface LoadOptions {
  readonly led: Led;
  readonly partitions: LedPartitions;
  readonly codecs: CompressionCodecs;
  readonly replay: (record: CoordinatorRecord) => void;
  /** Called once, in a later turn or within `start`. Not called after `stop`. */
  readonly done: (outcome: LoadOutcome) => void;
}

export class Load {
  private readonly o: LoadOptions;
  private records = 0;
  private isStopped = false;
  private cancelRead: (() => void) | undefined;

  constructor(options: LoadOptions) {
    this.o = options;
  }

  /** If the leadership has ended, `done` may be called within this call. */
  start(): void {
    const { led, partitions } = this.o;
    const { topicId, index, leaderEpoch } = led;
    const bounds = partitions.bounds(topicId, index, leaderEpoch);
    if (bounds === undefined) {
      this.end({ kind: 'leadership-ended' });
      return;
    }
    this.cancelRead = partitions.read(topicId, index, {
      fromOffset: bounds.startOffset,
      leaderEpoch,
      batches: (bytes) => this.batches(bytes),
      done: (errorCode, endOffset) => this.readTo(errorCode, endOffset),
    });
  }

  stop(): void {
    this.isStopped = true;
    this.cancelRead?.();
  }

  private end(outcome: LoadOutcome): void {
    if (this.isStopped) return;
    this.stop();
    this.o.done(outcome);
  }

  private batches(bytes: Uint8Array): void {
    for (let position = 0; position < bytes.length && !this.isStopped; ) {
      const header = readBatchHeader(bytes, position);
      const batch = bytes.subarray(position, position + header.sizeBytes);
      position += header.sizeBytes;
      this.batch(batch, header);
    }
  }

  private batch(batch: Uint8Array, header: BatchHeader): void {
    const { led, partitions } = this.o;
    if (!checkBatchCrc(batch, 0, batch.length)) {
      const reason = `the checksum of the batch at offset ${header.baseOffset} is wrong`;
      // The other members of the ISR may have an intact copy.
      partitions.foundCorrupt(led.topicId, led.index, led.leaderEpoch, reason);
      this.end({ kind: 'corrupt', offset: header.baseOffset, reason });
      return;
    }
    // Skips markers and the records of transactions. The coordinators do not have transactions yet, so only a
    // log that was copied from Kafka can have such batches. The records of a transaction would count only
    // after its commit marker.
    if (header.isControl || header.isTransactional) return;
    this.replayAll(batch, header);
  }

  private replayAll(batch: Uint8Array, header: BatchHeader): void {
    let offset = header.baseOffset;
    const { codecs, replay } = this.o;
    try {
      visitRecords(batch, codecs, (key, value, at) => {
        offset = at;
        if (key === null) throw new DecodeError('the record has no key');
        replay({ key, value });
        this.records++;
      });
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.end({ kind: 'corrupt', offset, reason: error.message });
    }
  }

  private readTo(errorCode: ErrorCode, endOffset: Offset): void {
    if (errorCode === ErrorCode.NOT_LEADER_OR_FOLLOWER) this.end({ kind: 'leadership-ended' });
    else if (errorCode !== ErrorCode.NONE) this.end({ kind: 'unreadable', errorCode });
    else this.awaitCommit(endOffset);
  }

  /**
   * Waits until the records that were read are committed. Earlier leaders may have appended records that are
   * not committed yet, and the next leader may lack these records. So no answer that depends on them may
   * reach a client.
   */
  private awaitCommit(endOffset: Offset): void {
    const { led, partitions } = this.o;
    partitions.whenCommitted(led.topicId, led.index, led.leaderEpoch, endOffset, (errorCode) => {
      if (isCommitted(errorCode)) this.end({ kind: 'loaded', records: this.records, endOffset });
      else this.end({ kind: 'leadership-ended' });
    });
  }
}
