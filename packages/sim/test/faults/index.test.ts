/**
 * Goal: each fault names every machine that it disturbs. Method: strike it alone at a cluster that works, and
 * look at the processes that end or stop, and at the links that are cut.
 */
import { Prng } from '@millrace/base';
import { expect, test } from 'vitest';
import type { SimNode } from '../../src/cluster/index.ts';
import {
  Atlas,
  drawValues,
  type FaultContext,
  type FaultKind,
  faultKinds,
  type Operator,
  type Strike,
} from '../../src/faults/index.ts';
import { SECOND } from '../../src/world/index.ts';
import { batch, SmallCluster } from '../support/small-cluster.ts';

const DRAWS_MAX = 20;
const operator: Operator = {
  extraTopics: () => ['t'],
  allTopics: () => ['t'],
  keyedTopics: () => ['t'],
  createTopic: () => 'extra-1',
  reusableTopics: () => ['t'],
  deleteTopic: () => {},
  recreateTopic: (_name, _partitions, done) => done(),
  growTopic: () => {},
  deleteRecords: () => 't-0 below 1',
  alterConfig: () => {},
};

/** The nodes that are down, paused or damaged, or whose links to all others are cut in some direction. */
function disturbed({ cluster, network }: SmallCluster): SimNode[] {
  const { nodes } = cluster;
  return nodes.filter((node) => {
    const isCut = (other: SimNode) =>
      network.link(node.name, other.name).isCut || network.link(other.name, node.name).isCut;
    const cuts = nodes.filter((other) => other !== node && isCut(other)).length;
    return !node.isUp || node.life!.isPaused || node.disk.isDamaged || cuts === nodes.length - 1;
  });
}

/** Draws parameters until the fault finds a victim. */
function struck(kind: FaultKind, context: Omit<FaultContext, 'random'>): Strike {
  for (let seed = 1; seed <= DRAWS_MAX; seed++) {
    const random = new Prng(seed);
    const strike = kind.strike({ ...context, random }, drawValues(kind.parameters, random));
    if (strike !== undefined) return strike;
  }
  throw new Error(`${kind.name} finds no victim`);
}

test.each(faultKinds)('$name', (kind) => {
  const small = new SmallCluster([], 3, {
    'min.insync.replicas': '2',
    'metadata.log.max.record.bytes.between.snapshots': '300',
  });
  const { world, network, cluster } = small;
  small.produce(batch);
  small.corrupt(small.leader, () => small.replica(small.leader).log.flush(() => {}));
  small.run(1);
  const { says, touches, lastsUs } = struck(kind, {
    ...{ world, network, cluster, operator },
    atlas: new Atlas(cluster, true),
    clientHosts: ['a1'],
    untilUs: world.nowUs + 5 * SECOND,
  });
  expect(says).not.toBe('');
  expect(lastsUs).toBeGreaterThanOrEqual(0);
  expect(cluster.nodes).toEqual(expect.arrayContaining([...touches]));
  const named = cluster.nodes.filter(({ name }) => new RegExp(`\\b${name}\\b`).test(says));
  expect(touches).toEqual(expect.arrayContaining(named));
  const seen = new Set(disturbed(small));
  world.watchers.push(() => {
    for (const node of disturbed(small)) seen.add(node);
  });
  small.run(5);
  expect(touches).toEqual(expect.arrayContaining([...seen]));
});
