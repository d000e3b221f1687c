/**
 * The messages that have no header: keys and values of group records, and the consumer protocol. Also their
 * golden bytes in test/goldens/embedded.hex, which Kafka's classes encoded (kafka-codec.ts).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type AnyVersionedMessage,
  consumerProtocolAssignment,
  consumerProtocolSubscription,
  type Fields,
  groupRecords,
} from '@millrace/protocol';
import type { Filling } from './samples.ts';

export interface EmbeddedMessage {
  /** Kafka's name: 'OffsetCommitKey'. */
  readonly name: string;
  readonly part: 'key' | 'value';
  /** The package of Kafka's class. */
  readonly package: string;
  /** The record type, for a key or value of a record. */
  readonly type: number | undefined;
  readonly fields: Fields;
  readonly minVersion: number;
  readonly maxVersion: number;
  readonly flexibleFrom: number;
  encode(version: number, value: unknown): Uint8Array;
  decode(bytes: Uint8Array): unknown;
}

const RECORDS = 'org.apache.kafka.coordinator.group.generated';

function messageOf(message: AnyVersionedMessage, place: Pick<EmbeddedMessage, 'name' | 'package' | 'type'>) {
  const encode = (version: number, value: unknown) => message.encode(version, value as never);
  return { ...message, ...place, part: 'value', encode } as const;
}

export const embeddedMessages: readonly EmbeddedMessage[] = [
  ...Object.values(groupRecords).flatMap(({ name, type, key, value }): EmbeddedMessage[] => [
    {
      name: `${name}Key`,
      part: 'key',
      package: RECORDS,
      type,
      fields: key.fields,
      minVersion: 0,
      maxVersion: 0,
      flexibleFrom: Infinity,
      encode: (_, fields) => key.encode(fields as never),
      decode: (bytes) => key.decode(bytes),
    },
    messageOf(value, { name: `${name}Value`, package: RECORDS, type }),
  ]),
  ...[consumerProtocolSubscription, consumerProtocolAssignment].map((message) =>
    messageOf(message, { name: message.name, package: 'org.apache.kafka.common.message', type: undefined }),
  ),
];

export function versionsOf({ minVersion, maxVersion }: EmbeddedMessage): number[] {
  return Array.from({ length: maxVersion - minVersion + 1 }, (_, i) => minVersion + i);
}

export const EMBEDDED_GOLDENS = join(import.meta.dirname, '../goldens/embedded.hex');

export const embeddedLabel = (message: EmbeddedMessage, version: number, filling: Filling): string =>
  `${message.name} v${version} ${filling}`;

/** The golden bytes of each message, by label. */
export function readEmbeddedGoldens(): Map<string, Uint8Array> {
  const lines = readFileSync(EMBEDDED_GOLDENS, 'utf8').split('\n');
  return new Map(
    lines
      .filter((line) => line.includes(': ') && !line.startsWith('#'))
      .map((line): [string, Uint8Array] => {
        const [label, hex] = line.split(': ');
        return [label!, Uint8Array.from(Buffer.from(hex!, 'hex'))];
      }),
  );
}
