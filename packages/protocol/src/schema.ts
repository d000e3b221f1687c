/**
 * The language of the API tables. A table names every field of a message once, with the versions that have
 * it. Fields without a tag are in wire order:
 *
 *     topics: array('0+', { nullable: '1+' }, {        // null allowed from version 1 on
 *       name: string('0+'),
 *       topicId: uuid('10+'),                          // from version 10 to the newest
 *     }),
 *     includeClusterAuthorizedOperations: bool('8-10'),
 *     clusterId: string('12+', { nullable: '12+', default: null, tag: 0 }),   // a tagged field
 *
 * The TypeScript types of decoded and of encodable values follow from the table. From the API's first
 * flexible version on, lengths are compact and structs end in tagged fields.
 */
import { type Uuid, ZERO_UUID } from '@millrace/base';
import type { Timestamp } from './timestamp.ts';
import type { RecordBytes } from './writer.ts';

/** '3+': from 3 on. '7-12': both inclusive. '5': only 5. */
export type Versions = `${number}+` | `${number}-${number}` | `${number}`;

export interface VersionRange {
  readonly min: number;
  /** Inclusive; Infinity for "and all later ones". */
  readonly max: number;
}

export type Scalar =
  | 'bool'
  | 'int8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'int64'
  | 'uuid'
  | 'string'
  | 'bytes'
  | 'records';

declare const OUT: unique symbol;
declare const IN: unique symbol;

/**
 * One field. `Out`: type of the decoded value; `In`: type of an encodable value. Only the compiler sees these
 * two.
 */
export interface Field<Out = unknown, In = unknown> {
  readonly [OUT]: Out;
  readonly [IN]: In;
  readonly kind: Scalar | 'array' | 'struct';
  readonly versions: VersionRange;
  /** Versions that allow null, if there are any. */
  readonly nullable: VersionRange | undefined;
  readonly default: unknown;
  /** Set for a tagged field: it is tagged in all its versions. */
  readonly tag: number | undefined;
  /** True: an int64 beyond the safe integers reads as the nearest safe integer. False: it is refused. */
  readonly clamp: boolean;
  /** True for an int64 that keeps all 64 bits: a Timestamp. */
  readonly isTimestamp: boolean;
  /** The element type of an array of scalars. */
  readonly element: Scalar | undefined;
  /** The fields of a struct, or of the elements of an array of structs. */
  readonly fields: Fields | undefined;
}

export type Fields = { readonly [name: string]: Field };

/** A decoded message: it has every field of every version. */
export type Decoded<F extends Fields> = { -readonly [K in keyof F]: F[K][typeof OUT] };
/** An encodable message: a field that is missing or undefined has its default. */
export type Encodable<F extends Fields> = { readonly [K in keyof F]?: F[K][typeof IN] | undefined };

interface Options {
  readonly nullable?: Versions;
  readonly default?: unknown;
  readonly tag?: number;
  readonly clamp?: boolean;
  readonly isTimestamp?: boolean;
}
interface NumberOptions extends Options {
  readonly nullable?: never;
  readonly default?: number;
}
interface BoolOptions extends Options {
  readonly nullable?: never;
  readonly default?: boolean;
}
interface TextOptions extends Options {
  readonly default?: string | null;
}
interface BytesOptions extends Options {
  readonly default?: null;
  readonly tag?: never;
}
interface StructOptions extends Options {
  readonly default?: null;
}

type OrNull<O> = O extends { nullable: Versions } ? null : never;

const NONE = {} as const;

function field<Out, In = Out>(
  kind: Field['kind'],
  versions: Versions,
  options: Options,
  defaultValue: unknown,
  inner: { element?: Scalar; fields?: Fields } = NONE,
): Field<Out, In> {
  return {
    kind,
    versions: parseVersions(versions),
    nullable: options.nullable === undefined ? undefined : parseVersions(options.nullable),
    default: options.default === undefined ? defaultValue : options.default,
    tag: options.tag,
    clamp: options.clamp ?? false,
    isTimestamp: options.isTimestamp ?? false,
    element: inner.element,
    fields: inner.fields,
  } as Field<Out, In>;
}

export const bool = (versions: Versions, options: BoolOptions = NONE): Field<boolean> =>
  field('bool', versions, options, false);
export const int8 = (versions: Versions, options: NumberOptions = NONE): Field<number> =>
  field('int8', versions, options, 0);
export const int16 = (versions: Versions, options: NumberOptions = NONE): Field<number> =>
  field('int16', versions, options, 0);
export const uint16 = (versions: Versions, options: NumberOptions = NONE): Field<number> =>
  field('uint16', versions, options, 0);
export const int32 = (versions: Versions, options: NumberOptions = NONE): Field<number> =>
  field('int32', versions, options, 0);
/** An int64 whose value must be a safe integer. */
export const int64 = (versions: Versions, options: NumberOptions = NONE): Field<number> =>
  field('int64', versions, options, 0);
/** An int64 that keeps all 64 bits. */
export const timestamp = (versions: Versions, options: NumberOptions = NONE): Field<Timestamp> =>
  field('int64', versions, { ...options, isTimestamp: true }, 0);
/** A uuid. Its value is a text; the default is ZERO_UUID. */
export const uuid = (versions: Versions, options: { readonly tag?: number } = NONE): Field<Uuid> =>
  field('uuid', versions, options, ZERO_UUID);

export function string<const O extends TextOptions>(
  versions: Versions,
  options?: O,
): Field<string | OrNull<O>> {
  return field('string', versions, options ?? NONE, '');
}

export function bytes<const O extends BytesOptions>(
  versions: Versions,
  options?: O,
): Field<Uint8Array | OrNull<O>, RecordBytes | OrNull<O>> {
  return field('bytes', versions, options ?? NONE, new Uint8Array(0));
}

/**
 * Record batches. Decoding returns a view of the message. Encoding does not copy the batches. The default is
 * null.
 */
export function records(versions: Versions): Field<Uint8Array | null, RecordBytes | null> {
  return field('records', versions, { nullable: '0+' }, null);
}

type Element = Fields | Scalar;
interface ScalarTypes {
  bool: boolean;
  int8: number;
  int16: number;
  uint16: number;
  int32: number;
  int64: number;
  uuid: Uuid;
  string: string;
  bytes: Uint8Array;
  records: Uint8Array;
}
type ElementOut<E> = E extends Scalar ? ScalarTypes[E] : E extends Fields ? Decoded<E> : never;
type ElementIn<E> = E extends Scalar ? ScalarTypes[E] : E extends Fields ? Encodable<E> : never;

/**
 * An array of structs (a table of fields) or of scalars (the name of one). The default is the empty array,
 * unless the options make it null.
 */
export function array<const E extends Element>(
  versions: Versions,
  element: E,
): Field<ElementOut<E>[], readonly ElementIn<E>[]>;
export function array<const O extends StructOptions, const E extends Element>(
  versions: Versions,
  options: O,
  element: E,
): Field<ElementOut<E>[] | OrNull<O>, readonly ElementIn<E>[] | OrNull<O>>;
export function array(versions: Versions, a: Element | StructOptions, b?: Element): Field<never, never> {
  const [options, element] = b === undefined ? [NONE, a as Element] : [a as StructOptions, b];
  const inner = typeof element === 'string' ? { element } : { fields: element };
  return field('array', versions, options, [], inner);
}

/** One struct. The default has every field's default, unless the options make it null. */
export function struct<const O extends StructOptions, const F extends Fields>(
  versions: Versions,
  options: O,
  fields: F,
): Field<Decoded<F> | OrNull<O>, Encodable<F> | OrNull<O>> {
  return field('struct', versions, options, {}, { fields });
}

export function parseVersions(text: Versions): VersionRange {
  const [, min, rest] = /^(\d+)(\+|-\d+)?$/.exec(text)!;
  const max = rest === undefined ? Number(min) : rest === '+' ? Infinity : Number(rest.slice(1));
  return { min: Number(min), max };
}

export function within(version: number, range: VersionRange | undefined): boolean {
  return range !== undefined && version >= range.min && version <= range.max;
}
