/** Builds the next image while a batch of records is replayed. Has one draft for each family. */
import type { Offset, QuorumEpoch } from '@millrace/base';
import type { ImageChanges } from './delta.ts';
import { BrokersDraft } from './families/brokers.ts';
import { ConfigsDraft } from './families/configs.ts';
import { ProducerIdsDraft } from './families/producer-ids.ts';
import { TopicsDraft } from './families/topics/draft.ts';
import { type ImageParts, MetadataImage } from './image.ts';
import type { RecordOf, RecordType } from './records.ts';

/** The replay functions of a family: one for each of its record types. */
export type ReplayFunctions<Types extends RecordType> = {
  readonly [Type in Types]: (draft: ImageDraft, record: RecordOf<Type>, offset: Offset) => void;
};

type Drafts = {
  readonly [Family in keyof ImageParts]: {
    readonly changes: ImageChanges[Family];
    close(): ImageParts[Family];
  };
};

export class ImageDraft implements Drafts {
  readonly brokers: BrokersDraft;
  readonly topics: TopicsDraft;
  readonly configs: ConfigsDraft;
  readonly producerIds: ProducerIdsDraft;

  constructor({ brokers, topics, configs, producerIds }: MetadataImage) {
    this.brokers = new BrokersDraft(brokers);
    this.topics = new TopicsDraft(topics);
    this.configs = new ConfigsDraft(configs);
    this.producerIds = new ProducerIdsDraft(producerIds);
  }

  get changes(): ImageChanges {
    return {
      brokers: this.brokers.changes,
      topics: this.topics.changes,
      configs: this.configs.changes,
      producerIds: this.producerIds.changes,
    };
  }

  /** Returns the image after the batch. A part that no record touched stays the same object. */
  close(offset: Offset, epoch: QuorumEpoch): MetadataImage {
    return new MetadataImage({
      offset,
      epoch,
      brokers: this.brokers.close(),
      topics: this.topics.close(),
      configs: this.configs.close(),
      producerIds: this.producerIds.close(),
    });
  }
}
