/**
 * Converts the subscriptions and assignments of classic members in a consumer group. The classic protocol has
 * topic names, but the group has topic ids.
 */
import type { Uuid } from '@millrace/base';
import type { MetadataImage } from '@millrace/metadata';
import {
  type ConsumerProtocolSubscription,
  consumerProtocolAssignment,
  consumerProtocolSubscription,
  DecodeError,
  numberInFront,
} from '@millrace/protocol';
import {
  type EpochedPartitions,
  type TopicPartitions,
  toWire,
  type WirePartitions,
} from './topic-partitions.ts';

/** Undefined if the bytes are no subscription. */
export function decodeSubscription(metadata: Uint8Array): ConsumerProtocolSubscription | undefined {
  return decoded(() => consumerProtocolSubscription.decode(metadata));
}

/**
 * The encoded assignment of a member. Its version is that of the member's subscription, or the nearest
 * version that this broker knows.
 */
export function encodeAssignment(
  partitions: EpochedPartitions | TopicPartitions,
  metadata: Uint8Array | undefined,
  image: MetadataImage,
): Uint8Array {
  const { minVersion, maxVersion } = consumerProtocolAssignment;
  const told = metadata === undefined || metadata.length < 2 ? minVersion : numberInFront(metadata);
  const assignedPartitions = toWire(partitions).flatMap(({ topicId, partitions: list }) => {
    const topic = image.topicById(topicId)?.name;
    return topic === undefined ? [] : [{ topic, partitions: list }];
  });
  const version = Math.max(minVersion, Math.min(maxVersion, told));
  return consumerProtocolAssignment.encode(version, { assignedPartitions, userData: null });
}

export type EmbeddedAssignment =
  | { readonly partitions: TopicPartitions; readonly hasUserData: boolean }
  | undefined;

/**
 * Decodes an assignment. Returns undefined if the bytes are no assignment. No bytes stand for no partitions.
 * Leaves out topics and partitions that do not exist.
 */
export function decodeAssignment(bytes: Uint8Array, image: MetadataImage): EmbeddedAssignment {
  if (bytes.length === 0) return { partitions: new Map(), hasUserData: false };
  const assignment = decoded(() => consumerProtocolAssignment.decode(bytes));
  if (assignment === undefined) return undefined;
  const partitions = new Map<Uuid, number[]>();
  for (const { topicId, partitions: told } of knownPartitions(assignment.assignedPartitions, image)) {
    const count = image.topicById(topicId)?.partitions.length ?? 0;
    const list = told.filter((partition) => partition >= 0 && partition < count);
    if (list.length > 0)
      partitions.set(
        topicId,
        [...new Set(list)].sort((a, b) => a - b),
      );
  }
  return { partitions, hasUserData: (assignment.userData?.length ?? 0) > 0 };
}

/** Replaces topic names by topic ids. Leaves out topics that do not exist. */
export function knownPartitions(
  named: readonly { readonly topic: string; readonly partitions: readonly number[] }[],
  image: MetadataImage,
): WirePartitions[] {
  return named.flatMap(({ topic, partitions }) => {
    const topicId = image.topic(topic)?.id;
    return topicId === undefined ? [] : [{ topicId, partitions }];
  });
}

function decoded<Value>(decode: () => Value): Value | undefined {
  try {
    return decode();
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
