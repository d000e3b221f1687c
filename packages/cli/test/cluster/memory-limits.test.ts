/** Goal: a node's process keeps little memory, unless the user says otherwise. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { heapArguments, mallocVariables } from '../../src/cluster/memory-limits.ts';
import { root } from '../support/command.ts';

const growth = '--heap-growing-percent=50';

test('a node gets a small young generation, a heap that grows slowly, and few memory arenas', () => {
  expect(heapArguments({})).toEqual([growth, '--max-semi-space-size=8']);
  expect(mallocVariables({})).toEqual({ MALLOC_ARENA_MAX: '2' });
});

test("the user's own values win", () => {
  expect(heapArguments({ NODE_OPTIONS: '--max-semi-space-size=64' })).toEqual([growth]);
  expect(heapArguments({ NODE_OPTIONS: '--max_semi_space_size=64' })).toEqual([growth]);
  expect(heapArguments({ NODE_OPTIONS: '--trace-warnings' })).toHaveLength(2);
  expect(mallocVariables({ MALLOC_ARENA_MAX: '8' })).toEqual({ MALLOC_ARENA_MAX: '8' });
});

test('the container image has the same limits', () => {
  const image = readFileSync(join(root, 'deploy/Dockerfile'), 'utf8');
  const [, youngGeneration] = heapArguments({});
  expect(image).toContain(
    `ENV MALLOC_ARENA_MAX=${mallocVariables({})['MALLOC_ARENA_MAX']} NODE_OPTIONS=${youngGeneration}\n`,
  );
  expect(image).toContain(`ENTRYPOINT ["node", "${growth}", `);
});

test('an installation also fills the compile cache for processes with the heap flag of a node', () => {
  const image = readFileSync(join(root, 'deploy/Dockerfile'), 'utf8');
  expect(image).toContain(`node ${growth} scripts/warm.ts`);
  const setup = readFileSync(join(root, 'scripts/setup.mjs'), 'utf8');
  expect(setup).toContain(`[[], ['${growth}']]`);
});
