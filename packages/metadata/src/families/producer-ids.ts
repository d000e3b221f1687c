/**
 * The part of the metadata image that says which producer ids the controller has given out, and the replay of
 * the record that changes it.
 */
import { assert } from '@millrace/base';
import type { ReplayFunctions } from '../draft.ts';
import type { MetadataRecord } from '../records.ts';
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

/** The record of a snapshot. It names no broker: the image does not know which broker got the last block. */
export function* recordsOfProducerIds({ next }: ProducerIdsImage): Generator<MetadataRecord> {
  if (next > 0) yield { type: 'producerIds', brokerId: -1, brokerEpoch: -1, nextProducerId: next };
}
