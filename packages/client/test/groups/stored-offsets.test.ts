/** Goal: the time in which a consumer forgets stored offsets is proportional to their number. */
import { expect, test } from 'vitest';
import { StoredOffsets } from '../../src/groups/stored-offsets.ts';
import { OTHER_ID, TOPIC_ID } from '../support/metadata.ts';

test('another topic has the name: the offsets of the old topic are forgotten, and each is read only a few times', () => {
  const stored = new StoredOffsets();
  const partitions = 1_000;
  let looks = 0;
  for (let partition = 0; partition < partitions; partition++)
    stored.store({
      get topic() {
        looks++;
        return 'events';
      },
      topicId: TOPIC_ID,
      partition,
      offset: 5,
      leaderEpoch: 0,
      metadata: '',
    });
  stored.store({ topic: 'kept', topicId: TOPIC_ID, partition: 0, offset: 5, leaderEpoch: 0, metadata: '' });
  const topicId = (topic: string) => (topic === 'events' ? OTHER_ID : TOPIC_ID);
  expect(stored.forgetOthers(topicId, () => false)).toBe(true);
  expect(stored.uncommitted()).toMatchObject([{ topic: 'kept' }]);
  expect(looks).toBeLessThan(10 * partitions);
  expect(stored.forgetOthers(topicId, () => false)).toBe(false);
});
