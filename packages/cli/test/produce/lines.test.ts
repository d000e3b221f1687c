/** Goal: the bytes between two delimiters become one record, wherever the input is cut. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Pieces, parseHeader, recordOf } from '../../src/produce/lines.ts';

const options = { key: undefined, keyDelimiter: undefined, null: undefined, headers: [] };

test('the pieces do not depend on where the input is cut', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', '\n', 'b')), fc.array(fc.nat(20)), (letters, cuts) => {
      const text = letters.join('');
      const pieces = new Pieces(Buffer.from('\n'));
      const found: string[] = [];
      let from = 0;
      for (const to of [...cuts.sort((a, b) => a - b), text.length]) {
        found.push(...pieces.push(Buffer.from(text.slice(from, to))).map(String));
        from = Math.max(from, to);
      }
      found.push(...pieces.end().map(String));
      const expected = text.split('\n');
      if (expected.at(-1) === '') expected.pop();
      expect(found).toEqual(expected);
    }),
  );
});

test('a delimiter may have several bytes', () => {
  const pieces = new Pieces(Buffer.from('--'));
  expect(pieces.push(Buffer.from('a-b-')).map(String)).toEqual([]);
  expect(pieces.push(Buffer.from('-c--')).map(String)).toEqual(['a-b', 'c']);
  expect(pieces.end()).toEqual([]);
});

test('the key stands before the first key delimiter', () => {
  const key = (text: string, more = {}) => {
    const record = recordOf(Buffer.from(text), { ...options, keyDelimiter: ': ', ...more });
    return [record.key, record.value].map((bytes) => (bytes ? String(bytes) : bytes));
  };
  expect(key('a: b: c')).toEqual(['a', 'b: c']);
  expect(key('none')).toEqual([null, 'none']);
  expect(key('gone: ', { null: true })).toEqual(['gone', null]);
  expect(recordOf(Buffer.from('v'), { ...options, key: 'k' }).key).toEqual(Buffer.from('k'));
});

test('an empty line is an empty value, or null if the user asks for that', () => {
  expect(recordOf(Buffer.alloc(0), options).value).toEqual(Buffer.alloc(0));
  expect(recordOf(Buffer.alloc(0), { ...options, null: true }).value).toBeNull();
});

test('the first = ends the name of a header', () => {
  expect(parseHeader('a=b=c')).toEqual({ key: 'a', value: Buffer.from('b=c') });
  expect(() => parseHeader('=b')).toThrow("invalid header '=b': expected name=value");
});
