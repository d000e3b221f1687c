import { expect, test } from 'vitest';
import { textTable } from '../src/text-table.ts';

test('columns are as wide as their widest cell, and no line ends with spaces', () => {
  expect(
    textTable(
      ['A', 'LONG', 'C'],
      [
        ['wide cell', '1', ''],
        ['x', '2', 'end'],
      ],
    ),
  ).toBe('A          LONG  C\nwide cell  1\nx          2     end\n');
  expect(textTable(['A', 'B'], [])).toBe('A  B\n');
});
