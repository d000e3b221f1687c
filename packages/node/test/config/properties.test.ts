/**
 * Goal: .properties files have the same meaning as in Java, except for blanks at the end of a value. Method:
 * an example for each rule of java.util.Properties, and a property-based test.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseProperties } from '../../src/config/properties.ts';

const read = (content: string) => Object.fromEntries(parseProperties(content));

test('the parser accepts the separators, blanks and comments of Java', () => {
  expect(read('a=1\nb: 2\nc 3\n d = 4 \n# e=5\n! f=6\n\ng\nh=\n')).toEqual({
    a: '1',
    b: '2',
    c: '3',
    d: '4',
    g: '',
    h: '',
  });
});

test('only the first separator counts', () => {
  expect(read('listeners=PLAINTEXT://:9092,CONTROLLER://:9093')).toEqual({
    listeners: 'PLAINTEXT://:9092,CONTROLLER://:9093',
  });
});

test('the parser reads continued lines, escapes, and the line ends of Windows', () => {
  expect(read('a=1,\\\r\n   2\r\nb=C:\\\\data\r\nc\\=d=\\u00e9\\t|\r\n')).toEqual({
    a: '1,2',
    b: 'C:\\data',
    'c=d': 'é\t|',
  });
});

test('a continued line may look like a comment; the last value of a key stays', () => {
  expect(read('a=1\\\n#2\na=3\nb=x\\\n#y')).toEqual({ a: '3', b: 'x#y' });
});

test('the parser reads escaped keys and values back unchanged', () => {
  const escaped = (text: string) =>
    text.replace(/[\\=:#!\s]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
  const word = fc.string({ minLength: 1 });
  fc.assert(
    fc.property(word, word, (key, value) => {
      expect([...parseProperties(`${escaped(key)}=${escaped(value)}`)]).toEqual([[key, value]]);
    }),
  );
});
