/**
 * Encodes requests field by field as the schema says. A value may break the schema: null where the version
 * allows no null, a wrong length, or unknown tagged fields. Millrace's own encoder refuses such values.
 */
import { type AnyApi, type Field, type Fields, within } from '@millrace/protocol';

/** Bytes that replace a field, or the contents of a tagged field. */
export class Raw {
  readonly bytes: Uint8Array;

  constructor(...bytes: readonly (number | Uint8Array)[]) {
    this.bytes = Buffer.concat(bytes.map((part) => (typeof part === 'number' ? Uint8Array.of(part) : part)));
  }
}

/** Key for additional tagged fields of a struct. */
export const TAGS: unique symbol = Symbol('more tagged fields');
export interface ExtraTag {
  readonly tag: number;
  readonly bytes: Uint8Array;
}
export type Struct = { readonly [name: string]: unknown; readonly [TAGS]?: readonly ExtraTag[] };

export interface RawHeader {
  readonly apiKey: number;
  readonly version: number;
  readonly correlationId: number;
  readonly clientId: string | null | Raw;
  /** Undefined: the header is not flexible. */
  readonly tags: readonly ExtraTag[] | undefined;
}

export function headerBytes(header: RawHeader): Buffer {
  const { clientId } = header;
  const fixed = [int(2, header.apiKey), int(2, header.version), int(4, header.correlationId)];
  const client = clientId instanceof Raw ? clientId.bytes : text(clientId, false);
  return Buffer.concat([...fixed, client, ...(header.tags === undefined ? [] : [tagSection(header.tags)])]);
}

export function bodyBytes(api: AnyApi, version: number, value: Struct): Buffer {
  return structBytes(api.requestFields, value, version, version >= api.flexibleFrom);
}

/** Puts the size of the frame in front of it. */
export function framed(...parts: readonly Uint8Array[]): Buffer {
  const frame = Buffer.concat(parts);
  return Buffer.concat([int(4, frame.length), frame]);
}

function structBytes(fields: Fields, value: Struct, version: number, flexible: boolean): Buffer {
  const parts: Buffer[] = [];
  const tags: ExtraTag[] = [];
  for (const [name, field] of Object.entries(fields)) {
    if (!within(version, field.versions)) continue;
    const member = value[name];
    if (field.tag === undefined) {
      parts.push(fieldBytes(field, member === undefined ? field.default : member, version, flexible));
    } else if (member !== undefined) {
      tags.push({ tag: field.tag, bytes: fieldBytes(field, member, version, flexible) });
    }
  }
  if (flexible) parts.push(tagSection([...tags, ...(value[TAGS] ?? [])]));
  return Buffer.concat(parts);
}

function tagSection(tags: readonly ExtraTag[]): Buffer {
  const written = tags.map(({ tag, bytes }) => Buffer.concat([varint(tag), varint(bytes.length), bytes]));
  return Buffer.concat([varint(tags.length), ...written]);
}

function fieldBytes(field: Field, value: unknown, version: number, flexible: boolean): Buffer {
  if (value instanceof Raw) return Buffer.from(value.bytes);
  if (field.kind === 'array') return arrayBytes(field, value as unknown[] | null, version, flexible);
  if (field.kind !== 'struct') return scalarBytes(field.kind, value, flexible);
  const isNullable = within(version, field.nullable);
  if (value === null) return int(1, -1);
  const inner = structBytes(field.fields ?? {}, value as Struct, version, flexible);
  return isNullable ? Buffer.concat([int(1, 1), inner]) : inner;
}

function arrayBytes(field: Field, values: unknown[] | null, version: number, flexible: boolean): Buffer {
  const count = lengthBytes(values === null ? -1 : values.length, 4, flexible);
  const elements = (values ?? []).map((element) => {
    if (element instanceof Raw) return element.bytes;
    if (field.element !== undefined) return scalarBytes(field.element, element, flexible);
    return structBytes(field.fields ?? {}, element as Struct, version, flexible);
  });
  return Buffer.concat([count, ...elements]);
}

function scalarBytes(kind: string, value: unknown, flexible: boolean): Buffer {
  switch (kind) {
    case 'bool':
      return int(1, value ? 1 : 0);
    case 'int8':
      return int(1, value as number);
    case 'int16':
    case 'uint16':
      return int(2, value as number);
    case 'int32':
      return int(4, value as number);
    case 'int64':
      return int(8, value as number | bigint);
    case 'uuid':
      return Buffer.from(value as string, 'base64url');
    case 'string':
      return text(value as string | null, flexible);
    default: {
      const bytes = value as Uint8Array | null;
      return Buffer.concat([lengthBytes(bytes?.length ?? -1, 4, flexible), bytes ?? Buffer.alloc(0)]);
    }
  }
}

function text(value: string | null, compact: boolean): Buffer {
  const bytes = Buffer.from(value ?? '', 'utf8');
  return Buffer.concat([lengthBytes(value === null ? -1 : bytes.length, 2, compact), bytes]);
}

/** Encodes the length in front of a string, bytes or an array. */
export function lengthBytes(length: number, sizeBytes: 2 | 4, compact: boolean): Buffer {
  return compact ? varint((length + 1) >>> 0) : int(sizeBytes, length);
}

export function int(sizeBytes: 1 | 2 | 4 | 8, value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt.asIntN(64, BigInt(value)));
  return bytes.subarray(8 - sizeBytes);
}

export function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return Buffer.from([...bytes, left]);
    bytes.push((left % 128) | 128);
  }
}
