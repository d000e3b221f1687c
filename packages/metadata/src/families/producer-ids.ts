/**
 * The part of the metadata image that says which producer ids the controller has given out, and the replay of
 * the record that changes it.
 */
import { assert } from '@millrace/base';
import type { ReplayFunctions } from '../draft.ts';
import type { Changes } from './changes.ts';

export class ProducerIdsImage {
  static readonly EMPTY = new ProducerIdsImage(0);
  /** The first producer id that the controller has not given to a broker. */
  readonly next: number;

  constructor(next: number) {
    this.next = next;
  }
}

/** Nobody acts on these changes, so a delta does not name them. */
export class ProducerIdsChanges implements Changes {
  readonly isEmpty = true;

  merge(): ProducerIdsChanges {
    return this;
  }
}

export class ProducerIdsDraft {
  readonly changes = new ProducerIdsChanges();
  private image: ProducerIdsImage;

  constructor(previous: ProducerIdsImage) {
    this.image = previous;
  }

  close(): ProducerIdsImage {
    return this.image;
  }

  given(next: number): void {
    assert(next > this.image.next, 'producer ids are given out once');
    this.image = new ProducerIdsImage(next);
  }
}

export const replayProducerIds: ReplayFunctions<'producerIds'> = {
  producerIds: ({ producerIds }, record) => producerIds.given(record.nextProducerId),
};
