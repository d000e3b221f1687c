/**
 * Sample values of a message: one with every field set, and one with null wherever null is allowed
 * (`fillings`). They are computed from the message's field table. `kafka-codec.ts` lets Kafka write the bytes
 * of these values, and the tests expect these values when they decode the bytes. Each number follows from the
 * field's path and each text from the field's name, so the tests notice a decoder that swaps two numbers or
 * two texts.
 */
import { uuidFromBytes } from '@millrace/base';
import { crc32c, type Field, type Fields, MILLRACE_TAG, within } from '@millrace/protocol';
import { defaultOf } from './arbitraries.ts';

/**
 * `full`: no field is null, a bool is true, any other scalar differs from its default, and an array has two
 * elements. `null`: each field that may be null is null, other fields have their defaults, and an array has
 * one element.
 */
export const fillings = ['full', 'null'] as const;
export type Filling = (typeof fillings)[number];

/** Fields that the version, or Kafka, does not have hold their defaults, as after decoding. */
export function sampleOf(
  fields: Fields,
  version: number,
  filling: Filling,
  path = '',
): Record<string, unknown> {
  const members = Object.entries(fields).map(([name, field]) => {
    const isKafkas = within(version, field.versions) && field.tag !== MILLRACE_TAG;
    if (!isKafkas) return [name, defaultOf(field)];
    return [name, sampleField(field, version, filling, `${path}.${name}`)];
  });
  return Object.fromEntries(members);
}

function sampleField(field: Field, version: number, filling: Filling, path: string): unknown {
  if (filling === 'null' && within(version, field.nullable)) return null;
  if (field.kind === 'struct') return sampleOf(field.fields!, version, filling, path);
  if (field.kind === 'array')
    return Array.from({ length: filling === 'full' ? 2 : 1 }, (_, i) => {
      if (field.fields !== undefined) return sampleOf(field.fields, version, filling, `${path}${i}`);
      return scalar(field.element!, `${path}${i}`);
    });
  return filling === 'null' ? defaultOf(field) : scalar(field.kind, path);
}

function scalar(kind: string, path: string): unknown {
  const hash = crc32c(Buffer.from(path));
  switch (kind) {
    case 'bool':
      return true;
    case 'int8':
      return 1 + (hash % 100);
    case 'int16':
      return 1 + (hash % 30_000);
    case 'int32':
      return 1 + (hash % 2_000_000_000);
    case 'int64':
      return hash * 1_000_003 + 1;
    case 'uuid':
      return uuidFromBytes(Buffer.from(hash.toString(16).padStart(8, '7').repeat(2)));
    case 'string':
      return `${path.slice(path.lastIndexOf('.') + 1)}-é`;
    case 'bytes':
      return new Uint8Array([0xff, hash & 0xff, (hash >> 8) & 0xff]);
    default:
      throw new Error(`no sample for ${kind}`);
  }
}

/**
 * The value in the form that Kafka's JSON converters read: only Kafka's fields of the version, bytes as
 * base64.
 */
export function toKafkaJson(fields: Fields, version: number, value: unknown): Record<string, unknown> {
  const members: [string, unknown][] = [];
  for (const [name, field] of Object.entries(fields)) {
    if (within(version, field.versions) && field.tag !== MILLRACE_TAG)
      members.push([name, jsonOf(field, version, (value as Record<string, unknown>)[name])]);
  }
  return Object.fromEntries(members);
}

function jsonOf(field: Field, version: number, value: unknown): unknown {
  if (value === null) return null;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (field.fields === undefined) return value;
  if (field.kind === 'struct') return toKafkaJson(field.fields, version, value);
  return (value as unknown[]).map((element) => toKafkaJson(field.fields!, version, element));
}
