/**
 * Messages that begin with an int16, because no header in front of them says how to read them. In the key of
 * a record, the int16 is the type of the record. In any other message, it is the version. These messages are
 * the records of __consumer_offsets, and the messages that members of a group send each other. Fields of type
 * bytes decode to views of the given bytes.
 */
import { DecodeError } from './decode-error.ts';
import { MessageCodec, type MessageTable } from './message-codec.ts';
import { type Decoded, type Encodable, type Fields, parseVersions, type Versions } from './schema.ts';
import type { TextCache } from './text-cache.ts';
import { joinedChunks, Writer } from './writer.ts';

const PREFIX_BYTES = 2;

/** A message that has its own version in front of it. */
export interface VersionedMessage<Value, Input> {
  readonly name: string;
  /** Both inclusive. */
  readonly minVersion: number;
  readonly maxVersion: number;
  readonly flexibleFrom: number;
  readonly fields: Fields;
  /** Writes the version and the message. Drops fields that the version does not have. */
  encode(version: number, value: Input): Uint8Array;
  /**
   * Reads all versions. Ignores bytes behind the message, as Kafka does. Decodes texts and ids through
   * `texts`, if it is given. Throws DecodeError.
   */
  decode(bytes: Uint8Array, texts?: TextCache): Value;
}

export type AnyVersionedMessage = VersionedMessage<unknown, never>;
export type ValueOf<M> = M extends VersionedMessage<infer T, infer _> ? T : never;

interface Table<F extends Fields> {
  readonly name: string;
  readonly versions: Versions;
  readonly flexibleFrom: number;
  readonly elementsMax: number;
  /** True if the decoder reads a version that is too new as the newest one. Else the decoder refuses it. */
  readonly readsNewer: boolean;
  readonly fields: F;
}

export function defineVersionedMessage<const F extends Fields>(
  table: Table<F>,
): VersionedMessage<Decoded<F>, Encodable<F>> {
  const { name, fields, flexibleFrom, readsNewer } = table;
  const versions = parseVersions(table.versions);
  const codec = new MessageCodec({ ...table, part: 'value', versions, mayHaveMoreBytes: true });
  return {
    name,
    minVersion: versions.min,
    maxVersion: versions.max,
    flexibleFrom,
    fields,
    encode: (version, value) => prefixed(version, codec, version, value),
    decode: (bytes, texts) => {
      const written = numberInFront(bytes);
      const version = readsNewer ? Math.min(written, versions.max) : written;
      if (!codec.has(version)) throw new DecodeError(`${name} value: unknown version ${written}`);
      return codec.decode(version, bytes, PREFIX_BYTES, undefined, texts) as Decoded<F>;
    },
  };
}

/** The key of a record. The type of the record stands in front of it. A key has only one version. */
export interface TypedKey<Value, Input> {
  readonly type: number;
  readonly fields: Fields;
  encode(value: Input): Uint8Array;
  /**
   * Decodes texts and ids through `texts`, if it is given. Throws DecodeError on damaged bytes, and on the
   * key of another record type.
   */
  decode(bytes: Uint8Array, texts?: TextCache): Value;
}

const KEY_VERSION = 0;

export function defineTypedKey<const F extends Fields>(
  name: string,
  type: number,
  fields: F,
): TypedKey<Decoded<F>, Encodable<F>> {
  const table: MessageTable = {
    name,
    part: 'key',
    fields,
    versions: { min: KEY_VERSION, max: KEY_VERSION },
    flexibleFrom: Infinity,
    elementsMax: Infinity,
    mayHaveMoreBytes: true,
  };
  const codec = new MessageCodec(table);
  return {
    type,
    fields,
    encode: (value) => prefixed(type, codec, KEY_VERSION, value),
    decode: (bytes, texts) => {
      const written = numberInFront(bytes);
      if (written !== type) throw new DecodeError(`${name} key: has the type ${written}, not ${type}`);
      return codec.decode(KEY_VERSION, bytes, PREFIX_BYTES, undefined, texts) as Decoded<F>;
    },
  };
}

function prefixed(number: number, codec: MessageCodec, version: number, value: unknown): Uint8Array {
  const writer = new Writer();
  writer.int16(number);
  codec.write(version, value, writer);
  return joinedChunks(writer.finish());
}

/** The version of a message, or the type of a key. Throws DecodeError if the bytes are too few. */
export function numberInFront(bytes: Uint8Array): number {
  if (bytes.length < PREFIX_BYTES) throw new DecodeError(`${bytes.length} bytes are too few for a version`);
  return ((bytes[0]! << 24) >> 16) | bytes[1]!;
}
