/**
 * Protobuf messages as tables. One call of `defineMessage` gives the codec of a message (protobufjs). The
 * compiler infers the TypeScript type of the message from the same table. A field is `[number, kind]`. A
 * field keeps its number and its kind for ever. New fields may be added.
 *
 * The rules of proto3 hold. A writer may leave out a field that has its default (0, '', false, empty), and
 * the field reads back as the default. An `optional` field that was not written reads back as undefined.
 * Values of int64 are safe integers, never bigint.
 */
import protobuf from 'protobufjs';
import {
  type AnyMessage,
  type Convert,
  type Fields,
  type Flat,
  fieldOf,
  isMessage,
  type Kind,
  type KindType,
  type Message,
  type Optional,
  optional,
  repeated,
  same,
  type TypeOf,
  typeNameOf,
} from './kinds.ts';

/** Reads one field of a decoded protobufjs object. */
interface Reader {
  readonly fieldName: string;
  /** If true, a field that was not written reads back as undefined. */
  readonly isOptional: boolean;
  readonly read: Convert;
}

export function defineMessage<const F extends Fields>(name: string, fields: F): Message<TypeOf<F>> {
  const type = new protobuf.Type(name);
  const readers: Reader[] = [];
  const writers: [string, Convert][] = [];
  for (const [fieldName, [id, spec]] of Object.entries(fields)) {
    const { kind, rule, read, write, absent } = fieldOf(spec);
    const options = absent === 'optional' ? { proto3_optional: true } : {};
    type.add(new protobuf.Field(fieldName, id, typeNameOf(kind), rule, undefined, options));
    if (isMessage(kind) && type.get(kind.name) === null) type.add(copyOf(kind.type));
    if (absent !== 'unused') readers.push({ fieldName, isOptional: absent === 'optional', read });
    if (write !== undefined) writers.push([fieldName, write]);
  }
  new protobuf.Root().add(type).resolveAll();
  const plain = (decoded: object): TypeOf<F> => {
    const value: Record<string, unknown> = {};
    for (const { fieldName, isOptional, read } of readers) {
      const isThere = !isOptional || Object.hasOwn(decoded, fieldName);
      const raw = isThere ? (decoded as Record<string, unknown>)[fieldName] : undefined;
      value[fieldName] = isThere && read !== same ? read(raw) : raw;
    }
    return value as TypeOf<F>;
  };
  const wire = (value: TypeOf<F>): object => {
    const written: Record<string, unknown> = { ...value };
    for (const [fieldName, write] of writers) written[fieldName] = write(written[fieldName]);
    return written;
  };
  return codec(type, plain, writers.length === 0 ? undefined : wire);
}

function codec<T>(type: protobuf.Type, plain: Message<T>['plain'], wire: Message<T>['wire']): Message<T> {
  return {
    name: type.name,
    type,
    plain,
    wire,
    encode: (value) => type.encode(wire === undefined ? (value as object) : wire(value)).finish(),
    decode: (bytes) => plain(type.decode(bytes)),
  };
}

/**
 * Defines a message with one field, a list. The value of the message is the list itself. Use it for a list
 * that may be absent: then an absent list reads back as undefined, and an empty list as empty.
 */
export function defineList<const K extends Kind>(
  name: string,
  field: string,
  kind: K,
): Message<readonly KindType<K>[]> {
  const message = defineMessage(name, { [field]: [1, repeated(kind)] });
  type Wrapped = Readonly<Record<string, readonly KindType<K>[]>>;
  const plain = (decoded: object) => (message.plain(decoded) as Wrapped)[field]!;
  const wire = (value: readonly KindType<K>[]) => {
    const wrapped = { [field]: value };
    return message.wire === undefined ? wrapped : message.wire(wrapped as never);
  };
  return codec(message.type, plain, wire);
}

type Members = Readonly<Record<string, readonly [number, Fields]>>;
type UnionOf<M extends Members> = { [N in keyof M]: MemberOf<N, M[N][1]> }[keyof M];
type MemberOf<N, F extends Fields> = Flat<{ readonly type: N } & TypeOf<F>>;

/**
 * Defines a message that contains exactly one of several members. Each member is a message. The `type` of the
 * value names the member. Decoding throws if the bytes have no member that this version knows, or more than
 * one.
 */
export function defineUnion<const M extends Members>(name: string, members: M): Message<UnionOf<M>> {
  const fields: Record<string, readonly [number, Optional<AnyMessage>]> = {};
  const messages = new Map<string, AnyMessage>();
  for (const [member, [number, memberFields]] of Object.entries(members)) {
    const message = defineMessage(capitalized(member), memberFields);
    messages.set(member, message);
    fields[member] = [number, optional(message)];
  }
  const { type } = defineMessage(name, fields);
  const plain = (decoded: object): UnionOf<M> => {
    const [member, ...others] = Object.keys(decoded);
    if (member === undefined || others.length > 0)
      throw new Error(`${name}: not exactly one member that this version knows`);
    const value = messages.get(member)!.plain((decoded as Record<string, object>)[member]!);
    return { type: member, ...value };
  };
  const wire = (value: UnionOf<M>): object => {
    const member = (value as { type: string }).type;
    const message = messages.get(member)!;
    return { [member]: message.wire === undefined ? value : message.wire(value) };
  };
  return codec(type, plain, wire);
}

function capitalized(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** Copies a type. A protobufjs type belongs to one parent, so each parent gets a copy of its own. */
function copyOf(type: protobuf.Type): protobuf.Type {
  return protobuf.Type.fromJSON(type.name, type.toJSON());
}
