/**
 * Protobuf messages as tables: one `defineMessage` gives the codec (protobufjs) and, by inference, the
 * TypeScript type. A field is `[number, kind]`; numbers are permanent; fields may be added, but never change
 * their kind.
 *
 * proto3 rules: a field that holds its default (0, '', false, empty) is not written and reads back as the
 * default. `optional` fields read back as undefined when they were not written. int64 are safe integers,
 * never bigint.
 */
import protobuf from 'protobufjs';

type Scalar = 'int32' | 'int64' | 'uint32' | 'bool' | 'string' | 'bytes';

interface ScalarTypes {
  int32: number;
  int64: number;
  uint32: number;
  bool: boolean;
  string: string;
  bytes: Uint8Array;
}

// biome-ignore lint/suspicious/noExplicitAny: a message of any shape can be a field
type Kind = Scalar | Message<any>;

interface Repeated<K extends Kind> {
  readonly repeated: K;
}
interface Optional<K extends Kind> {
  readonly optional: K;
}

export const repeated = <const K extends Kind>(kind: K): Repeated<K> => ({ repeated: kind });
export const optional = <const K extends Kind>(kind: K): Optional<K> => ({ optional: kind });

type Field = readonly [number, Kind | Repeated<Kind> | Optional<Kind>];
type Fields = Record<string, Field>;

type KindType<K> = K extends Scalar ? ScalarTypes[K] : K extends Message<infer T> ? T : never;
type FieldType<F> =
  F extends Repeated<infer K>
    ? KindType<K>[]
    : F extends Optional<infer K>
      ? KindType<K> | undefined
      : KindType<F>;

type TypeOf<F extends Fields> = { [N in keyof F]: FieldType<F[N][1]> };

/** The TypeScript type of a message: `type Vote = MessageType<typeof Vote>`. */
export type MessageType<M> = M extends Message<infer T> ? T : never;

export interface Message<T> {
  readonly name: string;
  readonly type: protobuf.Type;
  encode(value: T): Uint8Array;
  /** Throws an Error when the bytes are not a message of this type. */
  decode(bytes: Uint8Array): T;
  /** A decoded protobufjs object as a plain value. */
  plain(decoded: object): T;
}

export function defineMessage<const F extends Fields>(name: string, fields: F): Message<TypeOf<F>> {
  const type = new protobuf.Type(name);
  const readers: [string, (decoded: Record<string, unknown>) => unknown][] = [];
  for (const [fieldName, [id, spec]] of Object.entries(fields)) {
    const isRepeated = typeof spec === 'object' && 'repeated' in spec;
    const isOptional = typeof spec === 'object' && 'optional' in spec;
    const kind = isRepeated ? spec.repeated : isOptional ? spec.optional : (spec as Kind);
    const typeName = typeof kind === 'object' ? kind.name : kind;
    const options = isOptional ? { proto3_optional: true } : {};
    type.add(
      new protobuf.Field(fieldName, id, typeName, isRepeated ? 'repeated' : undefined, undefined, options),
    );
    if (typeof kind === 'object' && type.get(kind.name) === null) type.add(copyOf(kind.type));
    const read = reader(kind);
    readers.push([
      fieldName,
      isRepeated
        ? (decoded) => (decoded[fieldName] as unknown[]).map(read)
        : isOptional
          ? (decoded) => (Object.hasOwn(decoded, fieldName) ? read(decoded[fieldName]) : undefined)
          : (decoded) => read(decoded[fieldName]),
    ]);
  }
  new protobuf.Root().add(type).resolveAll();
  const plain = (decoded: object): TypeOf<F> => {
    const value: Record<string, unknown> = {};
    for (const [fieldName, read] of readers) value[fieldName] = read(decoded as Record<string, unknown>);
    return value as TypeOf<F>;
  };
  return {
    name,
    type,
    plain,
    encode: (value) => type.encode(type.create(value as Record<string, unknown>)).finish(),
    decode: (bytes) => plain(type.decode(bytes)),
  };
}

/**
 * Returns the function that reads one value of a kind from a protobufjs object. An unwritten message reads as
 * all defaults.
 */
function reader(kind: Kind): (value: unknown) => unknown {
  if (typeof kind === 'object')
    return (value) => (value === null ? kind.decode(NOTHING) : kind.plain(value as object));
  if (kind === 'int64') return (value) => (typeof value === 'number' ? value : Number(String(value)));
  if (kind === 'bytes') return (value) => (value instanceof Uint8Array ? value : NOTHING);
  return (value) => value;
}

const NOTHING = new Uint8Array(0);

/** A protobufjs type belongs to one parent, so each user nests its own copy. */
function copyOf(type: protobuf.Type): protobuf.Type {
  return protobuf.Type.fromJSON(type.name, type.toJSON());
}
