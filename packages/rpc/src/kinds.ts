/**
 * The kinds of message fields: the TypeScript type of each kind, and the functions that convert its values to
 * and from the form that protobufjs uses.
 */
import { isUuid, type Uuid } from '@millrace/base';
import type protobuf from 'protobufjs';

/** `uuid`: a string on the wire. Reading and writing throw if the string is not a well-formed id. */
type Scalar = 'int32' | 'int64' | 'uint32' | 'bool' | 'string' | 'bytes' | 'uuid';

interface ScalarTypes {
  int32: number;
  int64: number;
  uint32: number;
  bool: boolean;
  string: string;
  bytes: Uint8Array;
  uuid: Uuid;
}

// biome-ignore lint/suspicious/noExplicitAny: a message of any shape can be a field
export type AnyMessage = Message<any>;
export interface Choice<Name extends string> {
  readonly choice: Readonly<Record<Name, number>>;
}
export type Kind = Scalar | AnyMessage | Choice<string>;

export interface Repeated<K extends Kind> {
  readonly repeated: K;
}
export interface Optional<K extends Kind> {
  readonly optional: K;
}
export interface NeverEmpty<K extends Kind> {
  readonly neverEmpty: K;
}
export interface Unused {
  readonly unused: true;
}

export const repeated = <const K extends Kind>(kind: K): Repeated<K> => ({ repeated: kind });
export const optional = <const K extends Kind>(kind: K): Optional<K> => ({ optional: kind });
/** A list that is either undefined or not empty. An empty list reads back as undefined. */
export const optionalNeverEmpty = <const K extends Kind>(kind: K): NeverEmpty<K> => ({ neverEmpty: kind });
/** One of a few names. Each has a number on the wire (int32). The codec throws on other names and numbers. */
export const choice = <const N extends string>(numbers: Readonly<Record<N, number>>): Choice<N> => ({
  choice: numbers,
});
/**
 * For a message without data: the kind of its only field. The TypeScript type of the message does not have
 * this field. The codec writes it as a bool that is always false.
 */
export const unused: Unused = { unused: true };

type Spec = Kind | Repeated<Kind> | Optional<Kind> | NeverEmpty<Kind> | Unused;
type Field = readonly [number, Spec];
export type Fields = Readonly<Record<string, Field>>;

export type KindType<K> = K extends Scalar
  ? ScalarTypes[K]
  : K extends Message<infer T>
    ? T
    : K extends Choice<infer N>
      ? N
      : never;
type FieldType<S> =
  S extends Repeated<infer K>
    ? readonly KindType<K>[]
    : S extends Optional<infer K>
      ? KindType<K> | undefined
      : S extends NeverEmpty<infer K>
        ? readonly KindType<K>[] | undefined
        : KindType<S>;

type Absent = Optional<Kind> | NeverEmpty<Kind>;
export type TypeOf<F extends Fields> = Flat<
  { readonly [N in keyof F as F[N][1] extends Absent | Unused ? never : N]: FieldType<F[N][1]> } & {
    readonly [N in keyof F as F[N][1] extends Absent ? N : never]?: FieldType<F[N][1]>;
  }
>;
export type Flat<T> = { [N in keyof T]: T[N] };

/** The TypeScript type of a message: `type Vote = MessageType<typeof Vote>`. */
export type MessageType<M> = M extends Message<infer T> ? T : never;

export interface Message<T> {
  readonly name: string;
  readonly type: protobuf.Type;
  encode(value: T): Uint8Array;
  /** Decodes a message. Throws an Error if the bytes do not decode as this type. */
  decode(bytes: Uint8Array): T;
  /** Converts a decoded protobufjs object to a plain value. */
  plain(decoded: object): T;
  /**
   * Converts a value to the form that protobufjs encodes. Undefined if protobufjs can encode the value as it
   * is.
   */
  readonly wire: ((value: T) => object) | undefined;
}

export type Convert = (value: unknown) => unknown;

export interface CompiledField {
  readonly kind: Kind;
  readonly rule: 'repeated' | undefined;
  readonly absent: 'never' | 'optional' | 'unused';
  readonly read: Convert;
  /** Converts a value for protobufjs. Undefined if protobufjs takes the value as it is. */
  readonly write: Convert | undefined;
}

export function fieldOf(spec: Spec): CompiledField {
  if (typeof spec === 'object' && 'unused' in spec)
    return { kind: 'bool', rule: undefined, absent: 'unused', read: same, write: () => false };
  if (typeof spec === 'object' && 'repeated' in spec) {
    const { read, write } = converters(spec.repeated);
    return listField(spec.repeated, (list) => (list as unknown[]).map(read), write && mapped(write));
  }
  if (typeof spec === 'object' && 'neverEmpty' in spec) {
    const { read, write } = converters(spec.neverEmpty);
    const readList = (list: unknown) =>
      (list as unknown[]).length === 0 ? undefined : (list as unknown[]).map(read);
    return listField(spec.neverEmpty, readList, write && unlessAbsent(mapped(write)));
  }
  const isOptional = typeof spec === 'object' && 'optional' in spec;
  const kind = isOptional ? spec.optional : spec;
  const { read, write } = converters(kind);
  const absent = isOptional ? 'optional' : 'never';
  return { kind, rule: undefined, absent, read, write: isOptional ? write && unlessAbsent(write) : write };
}

function listField(kind: Kind, read: Convert, write: Convert | undefined): CompiledField {
  return { kind, rule: 'repeated', absent: 'never', read, write };
}

/** Returns the value unchanged, because protobufjs uses the same form. */
export const same: Convert = (value) => value;

function mapped(write: Convert): Convert {
  return (list) => (list as unknown[]).map(write);
}

function unlessAbsent(write: Convert): Convert {
  return (value) => (value === undefined ? undefined : write(value));
}

/**
 * The functions that convert one value of a kind to and from the form of protobufjs. If the kind is a
 * message, and the field is not optional and was not written, the field reads back as an empty message.
 */
function converters(kind: Kind): Pick<CompiledField, 'read' | 'write'> {
  if (isMessage(kind))
    return {
      read: (value) => (value === null ? kind.decode(NOTHING) : kind.plain(value as object)),
      write: kind.wire,
    };
  if (typeof kind === 'object') {
    const names = new Map(Object.entries(kind.choice).map(([name, number]) => [number, name]));
    return {
      read: (value) =>
        names.get(value as number) ?? refuse(`${String(value)} is not one of ${[...names.values()]}`),
      write: (name) =>
        kind.choice[name as string] ?? refuse(`${String(name)} is not one of ${[...names.values()]}`),
    };
  }
  if (kind === 'uuid') return { read: checkedUuid, write: checkedUuid };
  if (kind === 'int64') return { read: safeInteger, write: undefined };
  if (kind === 'bytes')
    return { read: (value) => (value instanceof Uint8Array ? value : NOTHING), write: undefined };
  return { read: same, write: undefined };
}

const NOTHING = new Uint8Array(0);

function checkedUuid(value: unknown): unknown {
  return isUuid(value as string) ? value : refuse(`${String(value)} is not a well-formed id`);
}

/** protobufjs decodes an int64 to an object of `long`. */
function safeInteger(value: unknown): number {
  const number = typeof value === 'number' ? value : (value as { toNumber(): number }).toNumber();
  return Number.isSafeInteger(number) ? number : refuse(`${String(value)} is not a safe integer`);
}

function refuse(why: string): never {
  throw new Error(why);
}

export function isMessage(kind: Kind): kind is AnyMessage {
  return typeof kind === 'object' && 'plain' in kind;
}

export function typeNameOf(kind: Kind): string {
  if (isMessage(kind)) return kind.name;
  if (typeof kind === 'object') return 'int32';
  return kind === 'uuid' ? 'string' : kind;
}
