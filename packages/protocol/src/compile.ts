/**
 * Compiles the schema table of a message (schema.ts) to JavaScript: for one version, a function that reads
 * the message and a function that writes it. These functions make no decisions about versions. The reading
 * function puts a struct into one object literal, so that the struct has one shape in all versions. This file
 * knows nothing of APIs or headers.
 */
import { assert } from '@millrace/base';
import type { Reader } from './reader.ts';
import { type Field, type Fields, type Scalar, within } from './schema.ts';
import type { Writer } from './writer.ts';

/** Sizes in the heap of V8 on a 64-bit system, measured. */
const POINTER_BYTES = 8;
const OBJECT_HEAP_BYTES = 32;
const ARRAY_HEAP_BYTES = 32;
const NUMBER_HEAP_BYTES = 16;
const STRING_HEAP_BYTES = 24;
const UUID_HEAP_BYTES = 40;
const VIEW_HEAP_BYTES = 120;

/** In front of a nullable struct that is a tagged field, Kafka writes a varint instead of an int8. */
const TAGGED_PRESENCE = ['w.unsignedVarint(0)', 'w.unsignedVarint(1)'];

export type Decode = (reader: Reader) => unknown;
export type Encode = (writer: Writer, value: unknown) => void;

/** The message and version to compile. */
export interface Target {
  /** Shows in stack traces: "Fetch_v12_request". */
  readonly name: string;
  readonly fields: Fields;
  readonly version: number;
  readonly flexible: boolean;
}

/** Compiles a function that takes a reader and returns the decoded message. */
export function compileDecoder(target: Target): Decode {
  return evaluate(decoderSource(target)) as Decode;
}

/** Compiles a function that takes a writer and a value, and writes the value. */
export function compileEncoder(target: Target): Encode {
  return evaluate(encoderSource(target)) as Encode;
}

/** Evaluates only Millrace's own tables, never bytes from the wire. */
function evaluate(source: string): unknown {
  return new Function('EMPTY_BYTES', `'use strict';\n${source}`)(new Uint8Array(0));
}

export function decoderSource(target: Target): string {
  const functions: string[] = [];
  const entry = structReader(target, target.fields, target.name, functions);
  return `${functions.join('\n')}\nreturn ${entry};`;
}

export function encoderSource(target: Target): string {
  const functions: string[] = [];
  const entry = structWriter(target, target.fields, target.name, functions);
  return `${functions.join('\n')}\nreturn ${entry};`;
}

// ---- reading

/** Adds the function that reads a struct; returns its name. */
function structReader(target: Target, fields: Fields, name: string, functions: string[]): string {
  const lines: string[] = [];
  const tagged: string[] = [];
  for (const [key, field] of Object.entries(fields)) {
    assert(field.tag === undefined || field.kind !== 'records', 'records cannot be tagged');
    const present = within(target.version, field.versions);
    if (present && field.tag === undefined) {
      lines.push(`const ${key} = ${fieldReader(target, field, `${name}_${key}`, functions)};`);
      continue;
    }
    lines.push(`let ${key} = ${defaultLiteral(field)};`);
    if (!present) continue;
    const read = fieldReader(target, field, `${name}_${key}`, functions);
    tagged.push(`case ${field.tag}: ${key} = ${read}; r.endTagged(end); break;`);
  }
  if (target.flexible) lines.push(tagged.length === 0 ? 'r.skipTagged();' : taggedReader(tagged));
  lines.push(`return { ${Object.keys(fields).join(', ')} };`);
  functions.push(`function ${name}(r) {\n  ${lines.join('\n  ')}\n}`);
  return name;
}

function taggedReader(cases: string[]): string {
  return `for (let left = r.taggedCount(); left > 0; left--) {
    const tag = r.unsignedVarint();
    const end = r.taggedEnd();
    switch (tag) {
      ${cases.join('\n      ')}
      default: r.position = end;
    }
  }`;
}

/** The expression that reads one field. */
function fieldReader(target: Target, field: Field, name: string, functions: string[]): string {
  const nullable = within(target.version, field.nullable);
  if (field.kind === 'array') return `${arrayReader(target, field, nullable, name, functions)}(r)`;
  if (field.kind === 'struct') {
    const read = `${structReader(target, field.fields!, name, functions)}(r)`;
    if (!nullable) return read;
    return `(${field.tag === undefined ? 'r.present()' : 'r.taggedPresent()'} ? ${read} : null)`;
  }
  return `r.${fieldMethod(field, target.flexible, nullable)}()`;
}

function arrayReader(
  target: Target,
  field: Field,
  nullable: boolean,
  name: string,
  functions: string[],
): string {
  const element =
    field.element === undefined
      ? `${structReader(target, field.fields!, `${name}_element`, functions)}(r)`
      : `r.${methodName(field.element, target.flexible, false)}()`;
  const count = methodName('count', target.flexible, nullable);
  functions.push(`function ${name}(r) {
  const count = r.${count}(${elementBytesMin(target, field)}, ${elementHeapBytes(field)});
  ${nullable ? 'if (count === -1) return null;' : ''}
  const values = [];
  for (let i = 0; i < count; i++) values.push(${element});
  return values;
}`);
  return name;
}

function fieldMethod(field: Field, compact: boolean, nullable: boolean): string {
  if (field.isTimestamp) return 'timestamp';
  return field.clamp ? 'clampedInt64' : methodName(field.kind as Scalar, compact, nullable);
}

/**
 * The name of the method of Reader or Writer for a kind of field. There are variants for compact lengths and
 * for nullable fields.
 */
function methodName(kind: Scalar | 'count', compact: boolean, nullable: boolean): string {
  switch (kind) {
    case 'string':
      return variant('String', compact, nullable);
    case 'bytes':
    case 'records':
      return variant('BytesField', compact, nullable);
    case 'count':
      return variant('Count', compact, nullable);
    default:
      return kind;
  }
}

function variant(noun: string, compact: boolean, nullable: boolean): string {
  const name = (nullable ? 'Nullable' : '') + noun;
  return compact ? `compact${name}` : name[0]!.toLowerCase() + name.slice(1);
}

/** Smallest size of an element in bytes. The reader checks a claimed number of elements against it. */
function elementBytesMin(target: Target, field: Field): number {
  if (field.element !== undefined) return scalarBytesMin(field.element, target.flexible);
  const bytes = structBytesMin(target, field.fields!);
  assert(bytes > 0, 'array elements must take at least one byte');
  return bytes;
}

function structBytesMin(target: Target, fields: Fields): number {
  let bytes = target.flexible ? 1 : 0;
  for (const field of Object.values(fields)) {
    if (field.tag !== undefined || !within(target.version, field.versions)) continue;
    if (field.kind === 'array') bytes += target.flexible ? 1 : 4;
    else if (field.kind !== 'struct') bytes += scalarBytesMin(field.kind, target.flexible);
    else bytes += within(target.version, field.nullable) ? 1 : structBytesMin(target, field.fields!);
  }
  return bytes;
}

function scalarBytesMin(kind: Scalar, compact: boolean): number {
  switch (kind) {
    case 'bool':
    case 'int8':
      return 1;
    case 'int16':
    case 'uint16':
      return 2;
    case 'int32':
      return 4;
    case 'int64':
      return 8;
    case 'uuid':
      return 16;
    case 'string':
      return compact ? 1 : 2;
    case 'bytes':
    case 'records':
      return compact ? 1 : 4;
  }
}

/**
 * Approximate heap size of a decoded element, in bytes, including its place in the array. Does not include
 * the bytes of texts, because the size of the frame already counts them.
 */
function elementHeapBytes(field: Field): number {
  return field.element === undefined ? structHeapBytes(field.fields!) : heapBytesOf(field.element);
}

/** Counts the fields of every version, because a decoded struct always has all of them. */
function structHeapBytes(fields: Fields): number {
  let bytes = OBJECT_HEAP_BYTES;
  for (const field of Object.values(fields)) {
    if (field.kind === 'array') bytes += POINTER_BYTES + ARRAY_HEAP_BYTES;
    else if (field.kind === 'struct') bytes += structHeapBytes(field.fields!);
    else bytes += heapBytesOf(field.kind);
  }
  return bytes;
}

function heapBytesOf(kind: Scalar): number {
  switch (kind) {
    case 'int64':
      return POINTER_BYTES + NUMBER_HEAP_BYTES;
    case 'string':
      return POINTER_BYTES + STRING_HEAP_BYTES;
    case 'uuid':
      return POINTER_BYTES + UUID_HEAP_BYTES;
    case 'bytes':
    case 'records':
      return POINTER_BYTES + VIEW_HEAP_BYTES;
    default:
      return POINTER_BYTES;
  }
}

/** JavaScript source that creates the default value of a field. */
function defaultLiteral(field: Field): string {
  if (field.default === null) return 'null';
  if (field.kind === 'array') return '[]';
  if (field.kind === 'bytes') return 'EMPTY_BYTES';
  if (field.kind !== 'struct') return JSON.stringify(field.default);
  const inner = Object.entries(field.fields!).map(([key, value]) => `${key}: ${defaultLiteral(value)}`);
  return `{ ${inner.join(', ')} }`;
}

// ---- writing

/** Adds the function that writes a struct; returns its name. */
function structWriter(target: Target, fields: Fields, name: string, functions: string[]): string {
  const lines: string[] = [];
  const tagged: [string, Field][] = [];
  for (const [key, field] of Object.entries(fields)) {
    if (!within(target.version, field.versions)) continue;
    lines.push(`const ${key} = v.${key} === undefined ? ${defaultLiteral(field)} : v.${key};`);
    if (field.tag !== undefined) tagged.push([key, field]);
    else lines.push(fieldWriter(target, field, key, `${name}_${key}`, functions));
  }
  if (target.flexible) lines.push(...taggedWriter(target, tagged, name, functions));
  functions.push(`function ${name}(w, v) {\n  ${lines.join('\n  ')}\n}`);
  return name;
}

/**
 * Returns the statements that write the tagged fields. These statements leave out a tagged field that holds
 * its default.
 */
function taggedWriter(
  target: Target,
  tagged: [string, Field][],
  name: string,
  functions: string[],
): string[] {
  if (tagged.length === 0) return ['w.noTagged();'];
  const inOrder = tagged.toSorted(([, a], [, b]) => a.tag! - b.tag!);
  const lines = inOrder.map(([key, field]) => `const has_${key} = ${differsFromDefault(field, key)};`);
  lines.push(`w.unsignedVarint(${inOrder.map(([key]) => `(has_${key} ? 1 : 0)`).join(' + ')});`);
  for (const [key, field] of inOrder) {
    const write = fieldWriter(target, field, key, `${name}_${key}`, functions);
    lines.push(
      `if (has_${key}) {\n    const mark = w.beginTagged(${field.tag});\n    ${write}\n    w.endTagged(mark);\n  }`,
    );
  }
  return lines;
}

/** The expression that is true if a value is not its field's default. */
function differsFromDefault(field: Field, value: string): string {
  if (field.default === null || field.kind === 'bytes') return `${value} !== ${defaultLiteral(field)}`;
  if (field.kind === 'array') return `(${value} === null || ${value}.length > 0)`;
  if (field.kind !== 'struct') return `${value} !== ${JSON.stringify(field.default)}`;
  const inner = Object.entries(field.fields!).map(([key, child]) => {
    const member = `${value}.${key}`;
    return `(${member} !== undefined && ${differsFromDefault(child, member)})`;
  });
  return `(${field.nullable === undefined ? '' : `${value} === null || `}${inner.join(' || ')})`;
}

/** The statement that writes one field. `value` is the name of the variable that holds the field's value. */
function fieldWriter(target: Target, field: Field, value: string, name: string, functions: string[]): string {
  const nullable = within(target.version, field.nullable);
  if (field.kind === 'array') return arrayWriter(target, field, nullable, value, name, functions);
  if (field.kind !== 'struct') return `w.${fieldMethod(field, target.flexible, nullable)}(${value});`;
  const write = `${structWriter(target, field.fields!, name, functions)}(w, ${value});`;
  if (!nullable) return write;
  const [absent, present] = field.tag === undefined ? ['w.int8(-1)', 'w.int8(1)'] : TAGGED_PRESENCE;
  return `if (${value} === null) ${absent}; else { ${present}; ${write} }`;
}

function arrayWriter(
  target: Target,
  field: Field,
  nullable: boolean,
  value: string,
  name: string,
  functions: string[],
): string {
  const count = target.flexible ? 'compactCount' : 'count';
  const element =
    field.element === undefined
      ? `${structWriter(target, field.fields!, `${name}_element`, functions)}(w, values[i]);`
      : `w.${methodName(field.element, target.flexible, false)}(values[i]);`;
  functions.push(`function ${name}(w, values) {
  ${nullable ? `if (values === null) { w.${count}(-1); return; }` : ''}
  const { length } = values;
  w.${count}(length);
  for (let i = 0; i < length; i++) ${element}
}`);
  return `${name}(w, ${value});`;
}
