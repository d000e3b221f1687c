/**
 * Reads the usual record of a committed offset without the general decoder: value version 4, no metadata, and
 * at most the tagged field with the topic id. Most records of __consumer_offsets have this form, and after a
 * failover the groups wait until the new coordinator has read all of them. Returns undefined for every record
 * of another form, also for damaged ones: the general decoder then reads it, or finds the fault.
 */
import { type Uuid, ZERO_UUID } from '@millrace/base';
import type { TextCache } from '../text-cache.ts';

const LENGTH_BYTES = 2;
/** The lengths of the two texts, and the partition, behind the type. */
const KEY_BYTES_MIN = 10;
const VALUE_VERSION = 4;
/** Positions in the value. */
const OFFSET = 2;
const LEADER_EPOCH = 10;
const METADATA_LENGTH = 14;
const COMMIT_TIMESTAMP = 15;
const TAGGED_COUNT = 23;
const TOPIC_ID = 26;
const BYTES_WITHOUT_ID = 24;
const BYTES_WITH_ID = 42;
/** The compact length of an empty text. */
const EMPTY = 1;

export interface QuickOffsetCommit {
  readonly key: { readonly group: string; readonly topic: string; readonly partition: number };
  readonly value: {
    readonly offset: number;
    readonly leaderEpoch: number;
    readonly metadata: string;
    readonly commitTimestamp: number;
    readonly expireTimestamp: number;
    readonly topicId: Uuid;
  };
}

/** The caller has checked the type in front of the key. */
export function quickOffsetCommit(
  key: Uint8Array,
  value: Uint8Array,
  texts: TextCache,
): QuickOffsetCommit | undefined {
  if (key.length < KEY_BYTES_MIN || !isUsual(value)) return undefined;
  const groupStart = 2 * LENGTH_BYTES;
  const groupEnd = groupStart + lengthAt(key, LENGTH_BYTES);
  const topicStart = groupEnd + LENGTH_BYTES;
  if (topicStart > key.length) return undefined;
  const topicEnd = topicStart + lengthAt(key, groupEnd);
  if (topicEnd + 4 > key.length) return undefined;
  return {
    key: {
      group: texts.text(key, groupStart, groupEnd),
      topic: texts.text(key, topicStart, topicEnd),
      partition: int32At(key, topicEnd),
    },
    value: {
      offset: clampedInt64At(value, OFFSET),
      leaderEpoch: int32At(value, LEADER_EPOCH),
      metadata: '',
      commitTimestamp: clampedInt64At(value, COMMIT_TIMESTAMP),
      expireTimestamp: -1,
      topicId: value.length === BYTES_WITH_ID ? texts.uuid(value, TOPIC_ID) : ZERO_UUID,
    },
  };
}

function isUsual(value: Uint8Array): boolean {
  if (value[0] !== 0 || value[1] !== VALUE_VERSION || value[METADATA_LENGTH] !== EMPTY) return false;
  if (value.length === BYTES_WITHOUT_ID) return value[TAGGED_COUNT] === 0;
  // One tagged field, with the tag 0 and 16 bytes.
  const isTagged = value[TAGGED_COUNT] === 1 && value[TAGGED_COUNT + 1] === 0;
  return value.length === BYTES_WITH_ID && isTagged && value[TAGGED_COUNT + 2] === 16;
}

/** A negative length reads as one that no key has room for. */
function lengthAt(bytes: Uint8Array, at: number): number {
  const length = (bytes[at]! << 8) | bytes[at + 1]!;
  return length > 0x7fff ? Infinity : length;
}

function int32At(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

function clampedInt64At(bytes: Uint8Array, at: number): number {
  const wide = int32At(bytes, at) * 0x1_0000_0000 + (int32At(bytes, at + 4) >>> 0);
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, wide));
}
