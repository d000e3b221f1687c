import { expect, test } from 'vitest';
import { defineMessage, type MessageType, optional, repeated } from '../src/index.ts';

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

test('an unwritten field reads back as the default, an optional one as undefined', () => {
  const back = Outer.decode(new Uint8Array(0));
  expect(back.name).toBe('');
  expect(back.list).toEqual([]);
  expect(back.maybe).toBeUndefined();
  expect(back.inner).toBeUndefined();
  expect(back.bytes).toHaveLength(0);
});
