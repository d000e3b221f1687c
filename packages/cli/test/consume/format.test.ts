/** Goal: a record is printed as kcat prints it, byte by byte. */
import { expect, test } from 'vitest';
import { type FormatOptions, formatOf, type Printed } from '../../src/consume/format.ts';

const record: Printed = {
  topic: 'orders',
  partition: 2,
  offset: 7,
  timestamp: 1_700_000_000_000,
  key: Buffer.from('k'),
  value: Buffer.from('válue'),
  headers: [
    { key: 'a', value: Buffer.from('1') },
    { key: 'b', value: null },
  ],
};

function printed(options: FormatOptions, changes: Partial<Printed> = {}): string {
  return Buffer.from(formatOf(options)({ ...record, ...changes })).toString();
}

test('the default is the value and a line feed', () => {
  expect(printed({})).toBe('válue\n');
  expect(printed({ keyDelimiter: ':', delimiter: ';\\t' })).toBe('k:válue;\t');
  expect(printed({ keyDelimiter: ':' }, { key: null, value: null })).toBe(':\n');
  expect(printed({ keyDelimiter: ':', null: true }, { key: null, value: null })).toBe('NULL:NULL\n');
});

test('a format prints the fields that it names', () => {
  const format = '%t [%p] at %o, %T: %k(%K)=%s(%S) %h 100%%\\n';
  expect(printed({ format })).toBe('orders [2] at 7, 1700000000000: k(1)=válue(6) a=1,b=NULL 100%\n');
  expect(printed({ format: '%K %S' }, { key: null, value: null })).toBe('-1 -1');
  expect(() => formatOf({ format: 'a%' })).toThrow("unknown '%' in the format");
});

test('bytes that are no UTF-8 are printed as they are', () => {
  const value = Buffer.from([0xff, 0x00, 0xfe]);
  expect([...formatOf({})({ ...record, value })]).toEqual([0xff, 0x00, 0xfe, 0x0a]);
});

test('JSON has the fields of kcat -J', () => {
  expect(JSON.parse(printed({ json: true }, { value: null }))).toEqual({
    topic: 'orders',
    partition: 2,
    offset: 7,
    ts: 1_700_000_000_000,
    headers: [
      { name: 'a', value: '1' },
      { name: 'b', value: null },
    ],
    key: 'k',
    payload: null,
  });
});
