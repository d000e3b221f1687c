/** Bytes that members of classic groups of the type `consumer` exchange: subscriptions and assignments. */
import { int } from './raw.ts';

const VERSION_0 = int(2, 0);
const NO_USER_DATA = int(4, -1);

export function subscriptionOf(...topics: readonly string[]): Buffer {
  return Buffer.concat([VERSION_0, int(4, topics.length), ...topics.map(text), NO_USER_DATA]);
}

export function assignmentOf(topic: string, ...partitions: readonly number[]): Buffer {
  const indexes = partitions.map((partition) => int(4, partition));
  return Buffer.concat([
    ...[VERSION_0, int(4, 1), text(topic), int(4, partitions.length)],
    ...[...indexes, NO_USER_DATA],
  ]);
}

function text(value: string): Buffer {
  return Buffer.concat([int(2, Buffer.byteLength(value)), Buffer.from(value)]);
}
