/** Goal: a case finds the group that it expects, whatever earlier cases did. */
import { expect, test } from 'vitest';
import { Stage } from './stage.ts';
import type { World } from './world.ts';

test('each case that needs an unknown group gets its own, even if the other cases share groups', async () => {
  const stage = new Stage({ prefix: 'wire' } as World, 'lane');
  const groups = [
    await stage.prepare('fresh', 'OffsetCommit 9'),
    await stage.prepare('fresh', 'OffsetCommit 9'),
    await stage.prepare('fresh'),
  ].map(({ group }) => group);
  expect(new Set(groups).size).toBe(3);
});
