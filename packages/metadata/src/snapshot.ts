/**
 * A snapshot is the image as records: their replay into an empty image gives the image again, with nothing
 * lost. The records are of the same kinds as those of the log. Writing and reading go record by record. No
 * record takes long, so the caller can spread the work over several turns.
 */
import type { Offset, QuorumEpoch } from '@millrace/base';
import { ImageDraft } from './draft.ts';
import { recordsOfBrokers } from './families/brokers.ts';
import { recordsOfConfigs } from './families/configs.ts';
import { recordsOfProducerIds } from './families/producer-ids.ts';
import { recordsOfTopics } from './families/topics/records.ts';
import { type ImageParts, MetadataImage } from './image.ts';
import type { MetadataRecord } from './records.ts';
import { replay } from './replay.ts';

type Writers = {
  readonly [Family in keyof ImageParts]: (part: ImageParts[Family]) => Iterable<MetadataRecord>;
};

/** One writer for each family: the compiler refuses a family without a writer. */
const writers: Writers = {
  brokers: recordsOfBrokers,
  topics: recordsOfTopics,
  configs: recordsOfConfigs,
  producerIds: recordsOfProducerIds,
};

/** The families in the order of their records. The configs of a topic must follow the topic. */
const order = Object.keys(writers) as (keyof ImageParts)[];

/** The records of a snapshot of the image. */
export function* snapshotRecords(image: MetadataImage): Generator<MetadataRecord> {
  for (const family of order) yield* recordsOfFamily(image, family);
}

function recordsOfFamily<Family extends keyof ImageParts>(
  image: MetadataImage,
  family: Family,
): Iterable<MetadataRecord> {
  const part: ImageParts[Family] = image[family];
  return writers[family](part);
}

/** After this many records, the replay closes its draft and begins another one. */
const DRAFT_RECORDS = 200;

/**
 * Builds the image from the records of a snapshot. Closing one draft of all records would take long. So the
 * replay closes its draft from time to time, but not between a topic and its partitions.
 */
export class SnapshotReplay {
  private draft = new ImageDraft(MetadataImage.EMPTY);
  private records = 0;

  /** Takes the next record, in the order of the snapshot. */
  add(record: MetadataRecord): void {
    if (this.records >= DRAFT_RECORDS && record.type !== 'partition') {
      this.draft = new ImageDraft(this.draft.close(-1, 0));
      this.records = 0;
    }
    replay(this.draft, record, -1);
    this.records++;
  }

  /** `offset` and `epoch` are those of the image that the snapshot was taken of. */
  finish(offset: Offset, epoch: QuorumEpoch): MetadataImage {
    return this.draft.close(offset, epoch);
  }
}
