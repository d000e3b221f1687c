/** docs/simulation.md lists every fault, checker and planted bug with its sentence in the code. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bugs } from '../../planted/bugs/index.ts';
import { checkerKinds, faultKinds } from '../../src/index.ts';

const page = readFileSync(join(import.meta.dirname, '..', '..', '..', '..', 'docs', 'simulation.md'), 'utf8');

test.each([...faultKinds, ...checkerKinds].map(({ name, sentence }) => [name, sentence]))(
  '%s',
  (name, sentence) => {
    expect(page).toContain(`| \`${name}\` | ${sentence} |`);
  },
);

test.each(bugs.map(({ name, sentence }) => [name, sentence]))('planted: %s', (name, sentence) => {
  expect(page).toContain(`| \`${name}\`: ${sentence} |`);
});
