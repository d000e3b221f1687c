/** Goal: overrides replace drawn values of the scenario, and nothing else. */
import { expect, test } from 'vitest';
import { planFrom, planOf, scenarioOf, withLesserScenario } from '../../src/plan/index.ts';

const drawn = scenarioOf(planOf(3));
const withOverrides = (overrides: object) => scenarioOf(planFrom({ ...planOf(3), overrides }));

test('an override replaces one value; a setting replaces one setting', () => {
  expect(withOverrides({})).toEqual(drawn);
  const settings = { 'replica.lag.time.max.ms': '777' };
  expect(withOverrides({ cluster: { settings }, network: { delayUs: 5 }, producers: 4 })).toEqual({
    ...drawn,
    cluster: { ...drawn.cluster, settings: { ...drawn.cluster.settings, ...settings } },
    network: { ...drawn.network, delayUs: 5 },
    producers: 4,
  });
});

test('the settings of a node override those of the cluster', () => {
  const nodeSettings = { '4': { 'min.insync.replicas': '3' } };
  expect(withOverrides({ cluster: { nodeSettings } }).cluster).toEqual({ ...drawn.cluster, nodeSettings });
  const wrong = { cluster: { nodeSettings: { '4': { 'min.insync.replicas': 3 } } } };
  expect(() => withOverrides(wrong)).toThrow(/nodeSettings.*object of objects of strings/);
});

test('a topic may set no min.insync.replicas, so that the setting of its leader applies', () => {
  const topics = [{ name: 't', partitions: 1, replicationFactor: 3, configs: {} }];
  expect(withOverrides({ topics, everythingIsSynced: false }).topics[0]!.configs).toEqual({});
});

test('a topic has no more replicas, and no larger min.insync.replicas, than there are brokers', () => {
  const configs = { 'min.insync.replicas': '2' };
  const topics = [{ name: 't', partitions: 2, replicationFactor: 3, configs }];
  expect(withOverrides({ topics, cluster: { brokers: 1 }, everythingIsSynced: true }).topics).toEqual([
    {
      name: 't',
      partitions: 2,
      replicationFactor: 1,
      configs: { 'min.insync.replicas': '1', 'flush.messages': '1' },
    },
  ]);
});

test('every lesser scenario is a valid plan, and differs from the drawn one', () => {
  for (let seed = 1; seed <= 20; seed++)
    for (const plan of withLesserScenario(planOf(seed))) {
      expect(planFrom(JSON.parse(JSON.stringify(plan)))).toEqual(plan);
      expect(scenarioOf(plan)).not.toEqual(scenarioOf(planOf(seed)));
    }
});
