/**
 * Derives odd requests from a schema table: each odd request has an unusual value in one field of a valid
 * request. If a schema table is added, this file needs no change.
 */
import { type AnyApi, type Field, type Fields, within } from '@millrace/protocol';
import { type ExtraTag, int, lengthBytes, Raw, type Struct, TAGS, varint } from './raw.ts';

export interface Mutation {
  /** For example `topics[].name=null`. */
  readonly name: string;
  readonly value: Struct;
}

type Path = readonly (string | number)[];
interface Place {
  readonly path: Path;
  readonly field: Field;
  readonly flexible: boolean;
  readonly value: unknown;
}

export const ids = {
  unknown: 'AAECAwQFBgcICQoLDA0ODw',
  zero: 'AAAAAAAAAAAAAAAAAAAAAA',
  metadata: 'AAAAAAAAAAAAAAAAAAAAAQ',
} as const;

const INT64_MAX = 2n ** 63n - 1n;
const numbers: Record<string, readonly (number | bigint)[]> = {
  int8: [-128, -2, -1, 0, 1, 2, 3, 127],
  int16: [-32768, -2, -1, 0, 1, 2, 32767],
  uint16: [0, 65535],
  int32: [-2147483648, -2, -1, 0, 1, 2147483647],
  int64: [-(2n ** 63n), -2, -1, 0, 1, 2n ** 53n, INT64_MAX],
};
const texts = ['', 'no/good', '.', '..', 'a b', 'ünïcode', 'x'.repeat(249), 'x'.repeat(250)] as const;
const NOT_UTF8 = Buffer.from([0x61, 0xff, 0xfe]);
const unknownTag: ExtraTag = { tag: 99, bytes: Buffer.from([1, 2, 3]) };
const largeTag: ExtraTag = { tag: 0x7fffffff, bytes: Buffer.alloc(0) };

/** Every mutation of one field of a valid request in this version. */
export function mutationsOf(api: AnyApi, version: number, base: Struct): Mutation[] {
  const flexible = version >= api.flexibleFrom;
  const found: Mutation[] = [];
  const add = (path: Path, what: string, value: unknown) =>
    found.push({ name: `${nameOf(path)}=${what}`, value: replaced(base, path, value) as Struct });
  for (const place of placesOf(api.requestFields, base, version, flexible, [])) {
    for (const [what, value] of oddValues(place)) add(place.path, what, value);
  }
  if (!flexible) return found;
  for (const { path, struct } of structsOf(api.requestFields, base, version, [])) {
    add(path, '+unknown tag', { ...struct, [TAGS]: [unknownTag, largeTag] });
    add(path, '+unordered tags', { ...struct, [TAGS]: [largeTag, unknownTag] });
    add(path, '+duplicate tag', { ...struct, [TAGS]: [unknownTag, unknownTag] });
  }
  return found;
}

function* placesOf(
  fields: Fields,
  struct: Struct,
  version: number,
  flexible: boolean,
  path: Path,
): Generator<Place> {
  for (const [name, field] of Object.entries(fields)) {
    if (!within(version, field.versions)) continue;
    const at = [...path, name];
    const value = struct[name] === undefined ? field.default : struct[name];
    yield { path: at, field, flexible, value };
    const inner = field.fields;
    if (inner !== undefined && field.kind === 'struct' && value !== null)
      yield* placesOf(inner, value as Struct, version, flexible, at);
    if (field.kind !== 'array' || !Array.isArray(value) || value.length === 0) continue;
    if (inner !== undefined) yield* placesOf(inner, value[0] as Struct, version, flexible, [...at, 0]);
    else if (field.element !== undefined)
      yield {
        path: [...at, 0],
        field: { ...field, kind: field.element, element: undefined, tag: undefined },
        flexible,
        value: value[0],
      };
  }
}

/** Yields the request itself, and the first struct of each kind inside the request. */
function* structsOf(
  fields: Fields,
  struct: Struct,
  version: number,
  path: Path,
): Generator<{ path: Path; struct: Struct }> {
  yield { path, struct };
  for (const [name, field] of Object.entries(fields)) {
    const value = struct[name];
    if (field.fields === undefined || value === undefined || value === null) continue;
    if (!within(version, field.versions)) continue;
    if (field.kind === 'struct') yield* structsOf(field.fields, value as Struct, version, [...path, name]);
    else if ((value as unknown[]).length > 0)
      yield* structsOf(field.fields, (value as Struct[])[0]!, version, [...path, name, 0]);
  }
}

function oddValues({ field, flexible, value }: Place): [string, unknown][] {
  switch (field.kind) {
    case 'bool':
      return [
        ['flipped', !value],
        ['2', new Raw(2)],
        ['-1', new Raw(255)],
      ];
    case 'uuid':
      return Object.entries(ids);
    case 'string':
      return [
        ['null', null],
        ...texts.map((text): [string, string] => [shown(text), text]),
        ['not UTF-8', new Raw(lengthBytes(NOT_UTF8.length, 2, flexible), NOT_UTF8)],
        ...oddLengths(2, flexible),
      ];
    case 'bytes':
    case 'records':
      return [
        ['null', null],
        ['empty', Buffer.alloc(0)],
        ['five bytes', Buffer.from('hello')],
        ...oddLengths(4, flexible),
      ];
    case 'array':
      return [
        ['null', null],
        ['empty', []],
        ...duplicated(value as unknown[] | null),
        ...oddLengths(4, flexible),
      ];
    case 'struct':
      return field.nullable === undefined ? [] : [['null', null]];
    default:
      return (numbers[field.kind] ?? []).map((number) => [String(number), number]);
  }
}

function duplicated(values: unknown[] | null): [string, unknown][] {
  return values === null || values.length === 0 ? [] : [['duplicate', [values[0], ...values]]];
}

function oddLengths(sizeBytes: 2 | 4, compact: boolean): [string, Raw][] {
  if (compact) {
    return [
      ['length 100000', new Raw(varint(100_001))],
      ['length 2^31', new Raw(varint(2 ** 31 + 1))],
      ['length of 6 bytes', new Raw(Buffer.from('808080808001', 'hex'))],
    ];
  }
  return [
    ['length -2', new Raw(int(sizeBytes, -2))],
    ['length 32767', new Raw(int(sizeBytes, 32767))],
    ['length min', new Raw(int(sizeBytes, sizeBytes === 2 ? -32768 : -2147483648))],
    ['length max', new Raw(int(sizeBytes, sizeBytes === 2 ? 32767 : 2147483647))],
  ];
}

function shown(text: string): string {
  return text.length > 20 ? `${text[0]}*${text.length}` : `'${text}'`;
}

function nameOf(path: Path): string {
  return path
    .map((step) => (step === 0 ? '[]' : String(step)))
    .join('.')
    .replaceAll('.[]', '[]');
}

function replaced(value: unknown, path: Path, by: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return by;
  if (Array.isArray(value))
    return value.map((element, i) => (i === step ? replaced(element, rest, by) : element));
  const struct = value as Struct;
  return { ...struct, [step]: replaced(struct[step] ?? {}, rest, by) };
}
