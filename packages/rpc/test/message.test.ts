import type { Uuid } from '@millrace/base';
import { describe, expect, test } from 'vitest';
import {
  choice,
  defineList,
  defineMessage,
  defineUnion,
  type MessageType,
  optional,
  optionalNeverEmpty,
  repeated,
  unused,
} from '../src/index.ts';

const Inner = defineMessage('Inner', { id: [1, 'int32'], at: [2, 'int64'] });
const Outer = defineMessage('Outer', {
  name: [1, 'string'],
  inner: [2, optional(Inner)],
  list: [3, repeated(Inner)],
  bytes: [4, 'bytes'],
  maybe: [5, optional('int32')],
  flags: [6, repeated('bool')],
  offsets: [7, repeated('int64')],
});
type Outer = MessageType<typeof Outer>;

const Deep = defineMessage('Deep', { outer: [1, repeated(Outer)] });

test('a message comes back as it was', () => {
  const value: Outer = {
    name: 'n',
    inner: { id: -1, at: 2 ** 52 },
    list: [{ id: 0, at: -1 }],
    bytes: new Uint8Array([1, 2]),
    maybe: 0,
    flags: [true, false],
    offsets: [0, 2 ** 40],
  };
  const back = Outer.decode(Outer.encode(value));
  expect({ ...back, bytes: [...back.bytes] }).toEqual({ ...value, bytes: [1, 2] });
  expect(Deep.decode(Deep.encode({ outer: [value] })).outer[0]!.list).toEqual(value.list);
});

test('a field that was not written reads back as its default, or as undefined if it is optional', () => {
  const back = Outer.decode(new Uint8Array(0));
  expect(back.name).toBe('');
  expect(back.list).toEqual([]);
  expect(back.maybe).toBeUndefined();
  expect(back.inner).toBeUndefined();
  expect(back.bytes).toHaveLength(0);
});

describe('kinds that are checked', () => {
  const ID = 'Zm9vYmFyYmF6cXV1eDEyMw' as Uuid;
  const Text = defineMessage('M', { id: [1, 'string'], color: [2, 'int32'] });
  const Checked = defineMessage('M', { id: [1, 'uuid'], color: [2, choice({ red: 2, blue: 4 })] });
  const Ids = defineMessage('Ids', { ids: [1, repeated('uuid')], maybe: [2, optional('uuid')] });

  test('a uuid has the bytes of a string, and a choice those of a number', () => {
    const bytes = Checked.encode({ id: ID, color: 'blue' });
    expect(Text.decode(bytes)).toEqual({ id: ID, color: 4 });
    expect(Checked.decode(bytes)).toEqual({ id: ID, color: 'blue' });
  });

  test('reader and writer refuse malformed values', () => {
    expect(() => Checked.decode(Text.encode({ id: 'x', color: 2 }))).toThrow('x is not a well-formed id');
    expect(() => Checked.decode(Text.encode({ id: ID, color: 3 }))).toThrow('3 is not one of red,blue');
    expect(() => Checked.encode({ id: 'x' as Uuid, color: 'red' })).toThrow(/well-formed/);
    expect(() => Ids.encode({ ids: [ID, '' as Uuid] })).toThrow(/well-formed/);
    expect(() => Ids.encode({ ids: [], maybe: '' as Uuid })).toThrow(/well-formed/);
    expect(Ids.decode(Ids.encode({ ids: [ID] }))).toEqual({ ids: [ID] });
  });

  test('an int64 that is no safe integer is refused', () => {
    const bytes = new Uint8Array([0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
    expect(() => Inner.decode(bytes)).toThrow(/safe integer/);
  });
});

describe('lists', () => {
  const List = defineList('List', 'ids', 'int32');
  const Lists = defineMessage('Lists', { full: [1, optionalNeverEmpty('int32')], list: [2, optional(List)] });

  test('an empty list reads back as empty, not as undefined, only if the list is a message of its own', () => {
    expect(Lists.decode(Lists.encode({ full: [], list: [] }))).toEqual({ full: undefined, list: [] });
    expect(Lists.decode(Lists.encode({}))).toEqual({ full: undefined, list: undefined });
    expect(Lists.decode(Lists.encode({ full: [1, 0], list: [-1] }))).toEqual({ full: [1, 0], list: [-1] });
  });
});

describe('a union', () => {
  const Union = defineUnion('Union', {
    point: [1, { x: [1, 'int32'], of: [2, optional('string')] }],
    nothing: [3, { unused: [1, unused] }],
  });
  const two = defineMessage('Union', { point: [1, optional(Inner)], nothing: [3, optional(Inner)] });

  test('reads back with the name of its member', () => {
    expect(Union.decode(Union.encode({ type: 'point', x: 3 }))).toEqual({ type: 'point', x: 3 });
    expect(Union.decode(Union.encode({ type: 'nothing' }))).toEqual({ type: 'nothing' });
    expect([...Union.encode({ type: 'nothing' })]).toEqual([0x1a, 2, 0x08, 0]);
  });

  test('is refused if it has no member, two members or an unknown member', () => {
    const inner = { id: 1, at: 0 };
    for (const bytes of [
      new Uint8Array(0),
      two.encode({ point: inner, nothing: inner }),
      new Uint8Array([0xf2, 0x01, 0x00]),
    ])
      expect(() => Union.decode(bytes)).toThrow('Union: not exactly one member that this version knows');
  });
});
