/** Goal: the story has each fault that strikes, and its machines count as touched from then on. */
import { expect, test } from 'vitest';
import { type StruckFault, schedule } from '../../src/run/incident.ts';
import { MILLISECOND, SECOND } from '../../src/world/index.ts';
import { SmallCluster } from '../support/small-cluster.ts';

test('a fault touches its victim until the fault ends; a fault without a victim touches nothing', () => {
  const small = new SmallCluster([]);
  const { world, network, cluster, atlas, touched, leader } = small;
  const parameters = { victim: { who: 'leader', pick: 0 }, syncMs: 20, lastsMs: 2_000 };
  const untilUs = world.nowUs + 5 * SECOND;
  const context = { world, network, cluster, atlas, operator: undefined as never, clientHosts: [], untilUs };
  const struck: StruckFault[] = [];
  const faults = [
    { id: 1, kind: 'slow-disk', atMs: 500, parameters },
    { id: 2, kind: 'slow-link', atMs: 600, parameters: { from: 0, to: 0 } },
  ];
  schedule({ quietMs: 0, lastsMs: 5_000, faults }, context, touched, (fault) => struck.push(fault));
  const begunUs = world.nowUs;
  const times = new Set<number>();
  world.watchers.push(() => {
    for (const node of cluster.nodes) {
      if (node === leader && touched.has(node)) times.add(world.nowUs - begunUs);
      if (node !== leader) expect(touched.has(node)).toBe(false);
    }
  });
  small.run(5);
  expect(Math.min(...times)).toBeGreaterThanOrEqual(500 * MILLISECOND);
  expect(Math.max(...times)).toBeGreaterThan(3.4 * SECOND);
  expect(Math.max(...times)).toBeLessThan(3.5 * SECOND);
  expect(struck.map(({ planned, text }) => [planned.id, text])).toEqual([
    [1, `${leader.name}, up to 20 ms, for 2.00 s`],
  ]);
  const told = world.story.lines.filter(({ event }) => event.startsWith('fault '));
  expect(told.map(({ event, facts }) => [event, facts])).toEqual([
    ['fault 1: slow-disk', { what: struck[0]!.text }],
  ]);
});
