/** Goal: a case meets the group that it expects, whatever the cases before it did. */
import { expect, test } from 'vitest';
import { Stage } from './stage.ts';
import type { World } from './world.ts';

test('each case that needs an unknown group gets one of its own, also among cases that share groups', async () => {
  const stage = new Stage({ prefix: 'wire' } as World, 'lane');
  const groups = [
    await stage.prepare('fresh', 'OffsetCommit 9'),
    await stage.prepare('fresh', 'OffsetCommit 9'),
    await stage.prepare('fresh'),
  ].map(({ group }) => group);
  expect(new Set(groups).size).toBe(3);
});
