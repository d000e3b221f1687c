export { type BrokerSetting, dynamicBrokerValue, dynamicLayers, dynamicValue } from './broker-config.ts';
export { MetadataDelta } from './delta.ts';
export type { BrokerRegistration } from './families/brokers.ts';
export type { Configs } from './families/configs.ts';
export type { ChangedTopic } from './families/topics/carried-out.ts';
export type { PartitionRef } from './families/topics/changes.ts';
export type {
  PartitionImage,
  PartitionOfBroker,
  TopicImage,
} from './families/topics/image.ts';
export { type GroupConfigDefinition, groupConfigDefinitions } from './group-config.ts';
export { imageToPlain, MetadataImage } from './image.ts';
export { isInternalTopic, OFFSETS_TOPIC } from './internal-topics.ts';
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
export { SnapshotReplay, snapshotRecords } from './snapshot.ts';
export * from './topic-config.ts';
