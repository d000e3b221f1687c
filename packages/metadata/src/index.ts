export type { ChangedTopic } from './carried-out.ts';
export { MetadataDelta, type PartitionRef } from './delta.ts';
export {
  type BrokerRegistration,
  type Configs,
  imageToPlain,
  MetadataImage,
  type PartitionImage,
  type PartitionOfBroker,
  type TopicImage,
} from './image.ts';
export { joinedBatches } from './joined-batches.ts';
export { type FailedReplica, type ListenerEndpoint, ListenerMessage } from './record-table.ts';
export {
  decodeRecord,
  encodeRecord,
  type MetadataRecord,
  type RecordOf,
  type RecordType,
} from './records.ts';
export { applyRecords, type RecordBatch } from './replay.ts';
export * from './topic-config.ts';
