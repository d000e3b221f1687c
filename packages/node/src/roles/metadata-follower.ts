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

/**
 * The follower adds batches to a delta until they have this many records together. Then it publishes the
 * delta.
 */
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
  /** The image of a snapshot that shall replace `image`, and the work that finds the difference. */
  private installing:
    | { readonly offset: Offset; readonly work: Generator<undefined, MetadataDelta> }
    | undefined;

  /**
   * Each subscriber gets every change once, in the order of the changes, after `image` has moved. For each
   * change, the subscribers are called in the order of this list.
   */
  constructor(clock: Clock, subscribers: readonly MetadataSubscriber[]) {
    this.clock = clock;
    this.subscribers = subscribers;
  }

  /** The last applied offset; -1 before the first record. */
  get offset(): Offset {
    return this.image.offset;
  }

  /** Publishes batches that arrive together as one delta, until it has PUBLISHED_RECORDS records or more. */
  committed(batches: readonly CommittedBatch[]): void {
    for (const batch of batches) this.waiting.push(batch);
    if (this.pause === undefined) this.goOn();
  }

  /**
   * Replaces the image by that of a snapshot, which includes all batches so far. Finds the difference between
   * the two images over several turns. Publishes it as one delta, because no image between the two was ever
   * committed. Batches that arrive meanwhile wait.
   */
  install(image: MetadataImage): void {
    if (image.offset <= (this.installing?.offset ?? this.image.offset)) return;
    this.waiting = [];
    this.installing = { offset: image.offset, work: MetadataDelta.between(this.image, image) };
    if (this.pause === undefined) this.goOn();
  }

  stop(): void {
    this.waiting = [];
    this.installing = undefined;
    this.pause?.cancel();
  }

  private goOn(): void {
    if (this.installing !== undefined) {
      const { value: delta } = this.installing.work.next();
      if (delta === undefined) {
        this.goOnLater();
        return;
      }
      this.installing = undefined;
      this.publish(delta);
    }
    const startMs = this.clock.monotonicMs();
    while (this.waiting.length > 0) {
      this.apply(this.waiting.splice(0, shortBeginning(this.waiting)));
      if (this.waiting.length === 0 || this.clock.monotonicMs() - startMs < TURN_MS) continue;
      this.goOnLater();
      return;
    }
  }

  private goOnLater(): void {
    this.pause = this.clock.setTimer(0, () => {
      this.pause = undefined;
      this.goOn();
    });
  }

  private publish(delta: MetadataDelta): void {
    this.image = delta.image;
    for (const subscriber of this.subscribers) subscriber.publish(delta);
  }

  private apply(batches: readonly CommittedBatch[]): void {
    let merged: MetadataDelta | undefined;
    for (const { baseOffset, epoch, records } of joinedBatches(batches)) {
      const { delta } = applyRecords(merged?.image ?? this.image, {
        baseOffset,
        epoch,
        records: records.map(decodeRecord),
      });
      merged = merged === undefined ? delta : merged.merge(delta);
    }
    if (merged !== undefined) this.publish(merged);
  }
}

/** The number of batches at the beginning that are published as one delta; at least one. */
function shortBeginning(batches: readonly CommittedBatch[]): number {
  let count = 0;
  let records = 0;
  while (count < batches.length && records < PUBLISHED_RECORDS) records += batches[count++]!.records.length;
  return count;
}
