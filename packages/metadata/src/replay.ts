/**
 * The only replay of metadata records. Only this file and the families' replay functions give a record its
 * meaning. The active controller, standbys and brokers all use this replay. So the replay must depend only on
 * the image, and on the records and their offsets. A record that does not fit the image is a bug of the
 * controller that wrote it, and stops the node.
 */
import { assert, type Offset, type QuorumEpoch } from '@millrace/base';
import { MetadataDelta } from './delta.ts';
import { ImageDraft, type ReplayFunctions } from './draft.ts';
import { replayBrokers } from './families/brokers.ts';
import { replayConfigs } from './families/configs.ts';
import { replayProducerIds } from './families/producer-ids.ts';
import { replayTopics } from './families/topics/draft.ts';
import type { MetadataImage } from './image.ts';
import type { MetadataRecord, RecordOf, RecordType } from './records.ts';

/** The replay function of every record type. */
const replayFunctions: ReplayFunctions<RecordType> = {
  ...replayBrokers,
  ...replayTopics,
  ...replayConfigs,
  ...replayProducerIds,
  noOp: () => {},
};

export interface RecordBatch {
  /** The offset of the first record. */
  readonly baseOffset: Offset;
  readonly epoch: QuorumEpoch;
  readonly records: readonly MetadataRecord[];
}

/** Returns the image after the batch, and its changes. */
export function applyRecords(
  image: MetadataImage,
  batch: RecordBatch,
): { image: MetadataImage; delta: MetadataDelta } {
  assert(batch.baseOffset > image.offset, 'records are applied once, in order');
  assert(batch.epoch >= image.epoch, 'the quorum epoch never falls along the log');
  const draft = new ImageDraft(image);
  batch.records.forEach((record, index) => {
    replay(draft, record, batch.baseOffset + index);
  });
  const next = draft.close(batch.baseOffset + batch.records.length - 1, batch.epoch);
  return { image: next, delta: new MetadataDelta(image, next, draft.changes) };
}

/** Replays one record into the draft. */
export function replay<Type extends RecordType>(
  draft: ImageDraft,
  record: RecordOf<Type>,
  offset: Offset,
): void {
  const type: Type = record.type;
  replayFunctions[type](draft, record, offset);
}
