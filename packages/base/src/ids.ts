/**
 * The types of numbers and ids. All but `Uuid` are plain aliases of `number`, which only say what a number
 * means. If a range ends at an offset named `…End` or `endOffset`, the range does not contain this offset. If
 * a range ends at an offset named `lastOffset`, the range contains this offset.
 */

/** Position of a record in a partition's log; an int64 on the wire, here a safe integer. */
export type Offset = number;
/** A partition's leader epoch (int32): grows with every election; -1 is "unknown". */
export type LeaderEpoch = number;
/** The quorum's epoch (int32). Raft papers call it a term. */
export type QuorumEpoch = number;
/** Broker or controller id (int32, >= 0); -1 is "none". */
export type NodeId = number;
/** Identifies one registration of a broker: the metadata offset of its registration record. */
export type BrokerEpoch = number;
/** A duration or a reading of the monotonic clock, in milliseconds. */
export type Millis = number;
/** Milliseconds since 1970 by the wall clock. For timestamps in data and ages of data, not for timeouts. */
export type WallMillis = number;

/** 16 bytes in Kafka's text form: URL-safe base64 without padding, 22 characters. */
export type Uuid = string & { readonly __uuid: true };

/** The wire value for "no topic id" and "no directory id". */
export const ZERO_UUID = 'AAAAAAAAAAAAAAAAAAAAAA' as Uuid;

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const VALUES = new Map([...ALPHABET].map((character, value) => [character, value]));

/** Returns the text form of the 16 bytes at `position`. */
export function uuidFromBytes(bytes: Uint8Array, position = 0): Uuid {
  let text = '';
  for (let i = 0; i < 15; i += 3) {
    const word = (bytes[position + i]! << 16) | (bytes[position + i + 1]! << 8) | bytes[position + i + 2]!;
    text +=
      ALPHABET[word >> 18]! +
      ALPHABET[(word >> 12) & 63]! +
      ALPHABET[(word >> 6) & 63]! +
      ALPHABET[word & 63]!;
  }
  const last = bytes[position + 15]!;
  return (text + ALPHABET[last >> 2]! + ALPHABET[(last & 3) << 4]!) as Uuid;
}

/**
 * Writes the 16 bytes of a text form into `target` at `position`, and returns `target`. The text must satisfy
 * isUuid.
 */
export function uuidToBytes(uuid: Uuid, target: Uint8Array = new Uint8Array(16), position = 0): Uint8Array {
  let bits = 0;
  let held = 0;
  let at = position;
  for (const character of uuid) {
    bits = ((bits << 6) | VALUES.get(character)!) & 0xffff;
    held += 6;
    if (held >= 8) {
      held -= 8;
      if (at < position + 16) target[at++] = (bits >> held) & 0xff;
    }
  }
  return target;
}

/**
 * Derives an id from a random id and a number (0 .. 2^32-1). The same arguments always give the same id.
 * Different numbers give different ids.
 */
export function uuidAt(random: Uuid, index: number): Uuid {
  const bytes = uuidToBytes(random);
  for (let i = 0; i < 4; i++) bytes[15 - i]! ^= (index >>> (8 * i)) & 0xff;
  return uuidFromBytes(bytes);
}

/**
 * Whether a text is a well-formed id: 22 characters of the alphabet, with zeros in the unused bits of the
 * last character.
 */
export function isUuid(text: string): text is Uuid {
  return /^[A-Za-z0-9_-]{21}[AQgw]$/.test(text);
}
