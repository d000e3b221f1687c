import { expect, test } from 'vitest';
import { unescaped } from '../src/escapes.ts';

test('escapes stand for their characters; a backslash before anything else stays', () => {
  expect(unescaped('a\\n\\t\\r\\x41\\\\n\\0')).toBe('a\n\t\rA\\n\0');
  expect(unescaped('\\q \\x4')).toBe('\\q \\x4');
});
