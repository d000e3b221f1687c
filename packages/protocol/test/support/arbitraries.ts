/**
 * fast-check arbitraries for messages. They generate the values that one version of a message can carry, and
 * follow from the field tables (`Fields`).
 */
import { type Uuid, uuidFromBytes } from '@millrace/base';
import { type Field, type Fields, wrapTimestamp } from '@millrace/protocol';
import fc from 'fast-check';

const within = (version: number, range: { min: number; max: number } | undefined) =>
  range !== undefined && version >= range.min && version <= range.max;

/** The decoded value of a field that the version does not have. */
export function defaultOf(field: Field): unknown {
  if (field.default === null) return null;
  if (field.kind === 'array') return [];
  if (field.kind !== 'struct') return field.default;
  return Object.fromEntries(Object.entries(field.fields!).map(([name, inner]) => [name, defaultOf(inner)]));
}

/** Whole messages: fields that the version does not have hold their defaults, as after decoding. */
export function messageArbitrary(fields: Fields, version: number): fc.Arbitrary<Record<string, unknown>> {
  const members = Object.entries(fields).map(([name, field]): [string, fc.Arbitrary<unknown>] => [
    name,
    fieldArbitrary(field, version),
  ]);
  return fc.record(Object.fromEntries(members));
}

function fieldArbitrary(field: Field, version: number): fc.Arbitrary<unknown> {
  if (!within(version, field.versions)) return fc.constant(null).map(() => defaultOf(field));
  const value = fc.oneof(
    { weight: 5, arbitrary: valueArbitrary(field, version) },
    { weight: 1, arbitrary: fc.constant(null).map(() => defaultOf(field)) },
  );
  if (!within(version, field.nullable)) return value.filter((drawn) => drawn !== null);
  return fc.option(value, { freq: 6 });
}

function valueArbitrary(field: Field, version: number): fc.Arbitrary<unknown> {
  if (field.kind === 'array') {
    const element =
      field.fields === undefined ? scalar(field.element!) : messageArbitrary(field.fields, version);
    return fc.array(element, { maxLength: 3 });
  }
  if (field.kind === 'struct') return messageArbitrary(field.fields!, version);
  return field.isTimestamp ? timestamps : scalar(field.kind);
}

/** All int64 values as Timestamps: numbers, or bigints beyond the safe integers. */
const timestamps = fc
  .oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.maxSafeInteger().map(BigInt))
  .map(wrapTimestamp);

function scalar(kind: string): fc.Arbitrary<unknown> {
  switch (kind) {
    case 'bool':
      return fc.boolean();
    case 'int8':
      return fc.integer({ min: -0x80, max: 0x7f });
    case 'int16':
      return fc.integer({ min: -0x8000, max: 0x7fff });
    case 'uint16':
      return fc.integer({ min: 0, max: 0xffff });
    case 'int32':
      return fc.integer({ min: -0x80000000, max: 0x7fffffff });
    case 'int64':
      return fc.oneof(
        fc.maxSafeInteger(),
        fc.constantFrom(0, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER),
      );
    case 'uuid':
      return fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes): Uuid => uuidFromBytes(bytes));
    case 'string':
      return fc.oneof(
        { weight: 6, arbitrary: fc.string({ unit: 'grapheme', maxLength: 20 }) },
        { weight: 1, arbitrary: fc.string({ unit: 'grapheme', minLength: 120, maxLength: 200 }) },
      );
    case 'bytes':
    case 'records':
      return fc.uint8Array({ maxLength: 40 });
    default:
      throw new Error(`no arbitrary for ${kind}`);
  }
}

/** Replaces byte arrays by hex text, so that views of different buffers compare by their bytes. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]));
}
