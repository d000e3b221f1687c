/**
 * Applies committed metadata records to the broker's image, in order. The only writer of that image.
 *
 * Metadata may cause work: a new partition needs a folder with files. The follower spreads long work over
 * several turns, so that heartbeats and requests run in between. Otherwise, a broker that creates a thousand
 * partitions in one turn would send no heartbeat, and the controller would fence it.
 */
import type { Clock, Offset, Timer } from '@millrace/base';
import { applyRecords, decodeRecord, joinedBatches, MetadataDelta, MetadataImage } from '@millrace/metadata';
import type { CommittedBatch } from '@millrace/raft';
import type { MetadataSubscriber } from './metadata-subscribers.ts';

/** The follower publishes batches together until they have this many records. */
const PUBLISHED_RECORDS = 100;
/** The follower ends a turn after this time and continues in the next one. */
const TURN_MS = 20;

export class MetadataFollower {
  image: MetadataImage = MetadataImage.EMPTY;
  private readonly clock: Clock;
  private readonly subscribers: readonly MetadataSubscriber[];
  /** Committed batches that are not applied yet. */
  private waiting: CommittedBatch[] = [];
  private pause: Timer | undefined;

  /** Each subscriber sees every change once, in order, after `image` has moved. */
  constructor(clock: Clock, subscribers: readonly MetadataSubscriber[]) {
    this.clock = clock;
    this.subscribers = subscribers;
  }

  /** The last applied offset; -1 before the first record. */
  get offset(): Offset {
    return this.image.offset;
  }

  /** Publishes batches that arrive together as one delta, up to PUBLISHED_RECORDS. */
  committed(batches: readonly CommittedBatch[]): void {
    for (const batch of batches) this.waiting.push(batch);
    if (this.pause === undefined) this.goOn();
  }

  /** Replaces the image by that of a snapshot, which includes all batches so far. */
  install(image: MetadataImage): void {
    this.waiting = [];
    if (image.offset <= this.image.offset) return;
    const delta = MetadataDelta.between(this.image, image);
    this.image = image;
    for (const subscriber of this.subscribers) subscriber.publish(delta);
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
    if (merged !== undefined) for (const subscriber of this.subscribers) subscriber.publish(merged);
  }
}

/** Number of batches to publish together, at least one. */
function shortBeginning(batches: readonly CommittedBatch[]): number {
  let count = 0;
  let records = 0;
  while (count < batches.length && records < PUBLISHED_RECORDS) records += batches[count++]!.records.length;
  return count;
}
