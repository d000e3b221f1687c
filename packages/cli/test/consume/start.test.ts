import { expect, test } from 'vitest';
import { parseRange } from '../../src/consume/start.ts';

test.each([
  [[], { kind: 'beginning' }, undefined],
  [['end'], { kind: 'end' }, undefined],
  [['5'], { kind: 'offset', offset: 5 }, undefined],
  [['-5'], { kind: 'offset', offset: -5 }, undefined],
  [['s@10', 'e@20'], { kind: 'time', timestampMs: 10 }, 20],
  [['e@20'], { kind: 'beginning' }, 20],
])('-o %j', (texts, start, endMs) => {
  expect(parseRange(texts)).toEqual({ start, endMs });
});
