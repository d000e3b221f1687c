/**
 * The metadata records as types, and their wire form: one protobuf message with one field for each type of
 * record. All of it follows from record-table.ts. replay.ts gives the records their meaning; this file must
 * never do so.
 */
import { defineUnion, type MessageType } from '@millrace/rpc';
import { recordTable } from './record-table.ts';

/** The message of a record. Exactly one of its fields is present. */
export const RecordMessage = defineUnion('MetadataRecord', recordTable);

export type MetadataRecord = MessageType<typeof RecordMessage>;
export type RecordType = MetadataRecord['type'];
export type RecordOf<Type extends RecordType> = Extract<MetadataRecord, { readonly type: Type }>;

/**
 * Throws on a malformed id or an unknown choice: `decodeRecord` would refuse it, so such a record must not
 * enter the log.
 */
export function encodeRecord(record: MetadataRecord): Uint8Array {
  return RecordMessage.encode(record);
}

/**
 * Throws if the bytes are not a record, hold a malformed value, or have a newer format: a node must not skip
 * a record that it does not understand.
 */
export function decodeRecord(bytes: Uint8Array): MetadataRecord {
  return RecordMessage.decode(bytes);
}
