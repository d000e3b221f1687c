export * from './api.ts';
export * from './apis/index.ts';
export * from './batch.ts';
export { utf8Bytes } from './bytes.ts';
export * from './compressed-batch.ts';
export { type ByteSink, TooLargeError } from './compression/unfold.ts';
export * from './consumer-protocol.ts';
export * from './crc32c.ts';
export * from './decode-error.ts';
export * from './error-code.ts';
export * from './framing.ts';
export type { GroupRecordKind } from './group-records/define.ts';
export * from './group-records/index.ts';
export * from './headers.ts';
export type { DecodeCost } from './message-codec.ts';
export * from './murmur2.ts';
export * from './names.ts';
export * from './record-check.ts';
export * from './record-checker.ts';
export * from './record-finder.ts';
export * from './record-rules.ts';
export * from './record-walker.ts';
export * from './records.ts';
export { type Decoded, type Encodable, type Field, type Fields, within } from './schema.ts';
export { SpareBuffers } from './spare-buffers.ts';
export { TextCache } from './text-cache.ts';
export * from './timestamp.ts';
export {
  type AnyVersionedMessage,
  numberInFront,
  type TypedKey,
  type ValueOf,
  type VersionedMessage,
} from './versioned-message.ts';
export { joinedChunks, type RecordBytes, recordBytesSize } from './writer.ts';
