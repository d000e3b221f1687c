import { expect, it } from 'vitest';
import { SmallCluster } from '../support/small-cluster.ts';

it('knows which topics a name may stand for, also while a broker lags behind', () => {
  const small = new SmallCluster([]);
  const { topicIds, cluster, world } = small;
  const [old] = topicIds.all('t');
  expect(topicIds.named('t', 0)).toBe(old);
  const [lagging] = cluster.brokers;
  lagging!.life!.pause();
  small.createAgain('t');
  const id = cluster.image().topic('t')!.id;
  expect(topicIds.all('t')).toEqual([old, id]);
  expect(topicIds.named('t', world.nowUs)).toBeUndefined();
  lagging!.life!.resume();
  small.run(1);
  expect(topicIds.named('t', world.nowUs)).toBe(id);
  expect(topicIds.named('t', 0)).toBeUndefined();
});

it('ignores the metadata of a dead broker', () => {
  const small = new SmallCluster([]);
  const { topicIds, cluster, world } = small;
  cluster.brokers[0]!.kill('process');
  small.createAgain('t');
  expect(topicIds.named('t', world.nowUs)).toBe(cluster.image().topic('t')!.id);
});

it('does not choose between a topic and the earlier topic of its name while a broker knows neither', () => {
  const small = new SmallCluster([]);
  const { topicIds, cluster, world } = small;
  small.deleteTopic('t');
  const deletedUs = world.nowUs;
  const [lagging] = cluster.brokers;
  lagging!.life!.pause();
  small.createTopic('t');
  expect(topicIds.ofOffsets('t', world.nowUs)).toBeUndefined();
  lagging!.life!.resume();
  small.run(1);
  const { id } = cluster.image().topic('t')!;
  expect(topicIds.ofOffsets('t', world.nowUs)).toBe(id);
  expect(topicIds.ofOffsets('t', deletedUs)).toBeUndefined();
  // `named` is still certain: a broker that does not know a topic serves no records under the topic's name.
  expect(topicIds.named('t', deletedUs)).toBe(id);
  lagging!.kill('process');
  expect(topicIds.ofOffsets('t', world.nowUs)).toBe(id);
});

it('knows the first topic of a name, even while a broker does not know this topic yet', () => {
  const small = new SmallCluster([]);
  const { topicIds, cluster, world } = small;
  cluster.brokers[0]!.life!.pause();
  small.createTopic('u');
  expect(topicIds.ofOffsets('u', world.nowUs)).toBe(cluster.image().topic('u')!.id);
});
