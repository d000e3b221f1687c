/**
 * Goal: no aimed fault starts a process that another fault keeps down. Method: strike each fault at a healthy
 * cluster, and mark every process that dies as held down.
 */
import { Prng } from '@millrace/base';
import { expect, test } from 'vitest';
import { crashInVote } from '../../src/faults/aimed/crash-in-vote.ts';
import { lateCopy } from '../../src/faults/aimed/late-copy.ts';
import { lateFromDead } from '../../src/faults/aimed/late-from-dead.ts';
import { refusedMember } from '../../src/faults/aimed/refused-member.ts';
import { drawValues, type Operator } from '../../src/faults/index.ts';
import { SECOND } from '../../src/world/index.ts';
import { SmallCluster } from '../support/small-cluster.ts';

test.each([crashInVote, lateCopy, lateFromDead, refusedMember])('$name', (kind) => {
  const small = new SmallCluster([], 3);
  const { world, network, cluster, atlas } = small;
  const random = new Prng(1);
  const strike = kind.strike(
    {
      ...{ world, network, cluster, atlas, random },
      operator: { allTopics: () => ['t'] } as unknown as Operator,
      clientHosts: [],
      untilUs: world.nowUs + 10 * SECOND,
    },
    drawValues(kind.parameters, random),
  );
  expect(strike).toBeDefined();
  world.watchers.push(() => {
    for (const node of cluster.nodes) if (!node.isUp) node.isHeldDown = true;
  });
  small.run(5);
  const held = cluster.nodes.filter(({ isHeldDown }) => isHeldDown);
  expect(held.length).toBe(kind === crashInVote ? 2 : 1);
  expect(held.filter(({ isUp }) => isUp)).toEqual([]);
});
