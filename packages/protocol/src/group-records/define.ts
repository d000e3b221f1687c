/** One kind of record in __consumer_offsets: the tables of its key and of its value. */
import type { Decoded, Encodable, Fields, Versions } from '../schema.ts';
import {
  defineTypedKey,
  defineVersionedMessage,
  type TypedKey,
  type VersionedMessage,
} from '../versioned-message.ts';

export interface GroupRecordKind<Key, KeyInput, Value, ValueInput> {
  /** Kafka's name of the record, without the suffix Key or Value: 'OffsetCommit'. */
  readonly name: string;
  /** The int16 in front of the key. */
  readonly type: number;
  readonly key: TypedKey<Key, KeyInput>;
  /** A record without a value is a tombstone: it removes what an earlier record of the key said. */
  readonly value: VersionedMessage<Value, ValueInput>;
}

interface Table<K extends Fields, V extends Fields> {
  readonly type: number;
  readonly name: string;
  readonly versions: Versions;
  readonly flexibleFrom: number;
  readonly key: K;
  readonly value: V;
}

/** `versions` and `flexibleFrom` are those of the value. The key has one version, which is not flexible. */
export function defineRecord<const K extends Fields, const V extends Fields>(
  table: Table<K, V>,
): GroupRecordKind<Decoded<K>, Encodable<K>, Decoded<V>, Encodable<V>> {
  const { type, name, versions, flexibleFrom } = table;
  const value = { name, versions, flexibleFrom, elementsMax: Infinity, readsNewer: false };
  return {
    name,
    type,
    key: defineTypedKey(name, type, table.key),
    value: defineVersionedMessage({ ...value, fields: table.value }),
  };
}
