/**
 * Goal: once a topic has flush.messages=1, a follower's fetch reports a record only after the follower has
 * fsynced it, even if it wrote the record under the old setting. Method: sets flush.messages=1 while the
 * follower's next fetch waits for an fsync.
 */
import { ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { World } from '../support/world.ts';

// With these seeds, the setting reaches both brokers while the follower waits for the fsync of the record of
// topic `synced`.
test.each([28, 37, 47])(
  'a follower syncs a record written under the old setting before a fetch reports it (seed %i)',
  (seed) => {
    const world = new World({ brokers: 2, seed }).start();
    const later = world.controller.createTopic('synced-later', [[1, 2]]);
    const synced = world.controller.createTopic('synced', [[1, 2]], { 'flush.messages': '1' });
    world.advance(700);
    const answer = world.broker(1).produce(later, 'v0');
    world.broker(1).produce(synced, 'v0');
    const follower = world.partition(2, later);
    for (let ms = 0; ms < 50 && world.partition(2, synced).onSynced === undefined; ms++) world.advance(1);
    expect(world.partition(2, synced).onSynced).toBeDefined();
    expect([follower.log.endOffset, follower.log.recoveryPoint]).toEqual([1, 0]);
    world.controller.commit([
      {
        type: 'config',
        resourceType: 'topic',
        resourceName: 'synced-later',
        name: 'flush.messages',
        value: '1',
      },
    ]);
    while (answer.value === undefined) world.advance(1);
    expect(answer.value.errorCode).toBe(ErrorCode.NONE);
    expect(follower.log.recoveryPoint).toBe(1);
  },
);
