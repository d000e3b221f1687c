/**
 * Folds committed metadata records into the broker's image, in order. The only writer of that image: a broker
 * learns metadata in no other way.
 *
 * Metadata may make work: a new partition is a folder with files. What would take long is spread over several
 * turns, so that heartbeats and requests have theirs in between; a broker that makes a thousand partitions in
 * one turn is fenced meanwhile.
 */
import type { Clock, Offset, Timer } from '@millrace/base';
import {
  applyRecords,
  decodeRecord,
  joinedBatches,
  type MetadataDelta,
  MetadataImage,
} from '@millrace/metadata';
import type { CommittedBatch } from '@millrace/raft';

/** What is published together: no more batches once there are so many records. */
const PUBLISHED_RECORDS = 100;
/** A turn that took so long is over, and the rest comes in the next one. */
const TURN_MS = 20;

export class MetadataFollower {
  image: MetadataImage = MetadataImage.EMPTY;
  private readonly clock: Clock;
  private readonly publish: (delta: MetadataDelta) => void;
  /** Committed, and not applied yet. */
  private waiting: CommittedBatch[] = [];
  private pause: Timer | undefined;

  /** `publish` sees every change once, in order, after `image` has moved. */
  constructor(clock: Clock, publish: (delta: MetadataDelta) => void) {
    this.clock = clock;
    this.publish = publish;
  }

  /** The last offset that was applied; -1 before the first record. */
  get offset(): Offset {
    return this.image.offset;
  }

  /** What arrives together is published together, as far as it is short. */
  committed(batches: readonly CommittedBatch[]): void {
    for (const batch of batches) this.waiting.push(batch);
    if (this.pause === undefined) this.goOn();
  }

  stop(): void {
    this.waiting = [];
    this.pause?.cancel();
  }

  private goOn(): void {
    const startMs = this.clock.monotonicMs();
    while (this.waiting.length > 0) {
      this.apply(this.waiting.splice(0, shortBeginning(this.waiting)));
      if (this.waiting.length === 0 || this.clock.monotonicMs() - startMs < TURN_MS) continue;
      this.pause = this.clock.setTimer(0, () => {
        this.pause = undefined;
        this.goOn();
      });
      return;
    }
  }

  private apply(batches: readonly CommittedBatch[]): void {
    let merged: MetadataDelta | undefined;
    for (const { baseOffset, epoch, records } of joinedBatches(batches)) {
      const { image, delta } = applyRecords(this.image, {
        baseOffset,
        epoch,
        records: records.map(decodeRecord),
      });
      this.image = image;
      merged = merged === undefined ? delta : merged.merge(delta);
    }
    if (merged !== undefined) this.publish(merged);
  }
}

/** How many of the batches, at least one. */
function shortBeginning(batches: readonly CommittedBatch[]): number {
  let count = 0;
  let records = 0;
  while (count < batches.length && records < PUBLISHED_RECORDS) records += batches[count++]!.records.length;
  return count;
}
