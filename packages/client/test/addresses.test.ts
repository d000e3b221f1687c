/** Goal: addresses are read as users write them, and other texts are refused. */
import { expect, test } from 'vitest';
import { parseAddress } from '../src/index.ts';

test.each([
  ['localhost:9092', { host: 'localhost', port: 9092 }],
  [' 10.0.0.1:1 ', { host: '10.0.0.1', port: 1 }],
  ['[::1]:9092', { host: '::1', port: 9092 }],
])('%s is an address', (text, address) => {
  expect(parseAddress(text)).toEqual(address);
});

test.each([
  '',
  'localhost',
  'localhost:',
  ':9092',
  'localhost:0',
  'localhost:65536',
  'a b:1',
  'a,b:1',
  'x:1e3',
])('%j is not an address', (text) => {
  expect(parseAddress(text)).toBeUndefined();
});
