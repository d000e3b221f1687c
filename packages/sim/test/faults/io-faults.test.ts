/**
 * Goal: failing and blocking disks break no promise, and each such fault does what its sentence says. Method:
 * strike it with many parameters at a cluster that works, under all checkers, while a leader appends.
 */
import { Prng } from '@millrace/base';
import { describe, expect, it } from 'vitest';
import { checkerKinds } from '../../src/checkers/index.ts';
import {
  drawValues,
  type FaultContext,
  type FaultKind,
  faultKinds,
  type Values,
} from '../../src/faults/index.ts';
import {
  blockedIo,
  blockedSync,
  failingRead,
  failingSync,
  ioFaults,
  tornBelowIndex,
} from '../../src/faults/io-faults.ts';
import { quorumStoreFaults } from '../../src/faults/quorum-store-faults.ts';
import { lookAfter } from '../../src/run/peace.ts';
import { SECOND } from '../../src/world/index.ts';
import { batch, SmallCluster } from '../support/small-cluster.ts';

const INCIDENT_SECONDS = 4;
const STRIKES = 6;

/** Strikes, restarts every process that ends, repairs what an operator repairs, and returns the counts. */
function strike(kind: FaultKind, forced: Values = {}): ReadonlyMap<string, number> {
  const settings = { 'metadata.log.max.record.bytes.between.snapshots': '300' };
  const small = new SmallCluster(checkerKinds, 3, settings);
  const { world, network, cluster, atlas } = small;
  const random = new Prng(1);
  for (const node of cluster.nodes)
    node.onEnded = () =>
      world.after(SECOND / 2, () => {
        if (!node.isUp) node.start();
      });
  world.watchers.push(() => atlas.watch());
  for (let times = 0; times < STRIKES; times++) {
    const untilUs = world.nowUs + INCIDENT_SECONDS * SECOND;
    const context: FaultContext = {
      world,
      network,
      cluster,
      atlas,
      operator: undefined as never,
      clientHosts: [],
      untilUs,
      random,
    };
    const who = quorumStoreFaults.includes(kind) ? 'active-controller' : 'leader';
    kind.strike(context, { ...drawValues(kind.parameters, random), victim: { who, pick: times }, ...forced });
    // The killed broker registers again, and its registration makes the quorum write.
    small.followers[0]!.kill('process');
    append(small);
    small.run(INCIDENT_SECONDS / 2);
    append(small);
    small.run(INCIDENT_SECONDS / 2);
    for (const { disk } of cluster.nodes) disk.disarm();
    for (let seconds = 0; seconds < 20; seconds++) {
      lookAfter(cluster, atlas);
      small.run(1);
    }
    small.until(() => cluster.nodes.every(({ isReady }) => isReady) && small.state.isr.length === 3);
  }
  return world.counts;
}

/** Produces with acks=all at the leader and asks for a flush, if there is a leader. */
function append(small: SmallCluster): void {
  const { leader } = small;
  const broker = leader?.roles?.broker;
  if (leader?.life === undefined || broker === undefined) return;
  leader.life.turn('io', () => {
    const { topicId, log } = small.replica(leader);
    const partitions = [{ topicId, partition: 0, records: batch('v') }];
    broker.replicas.produce({ acks: -1, apiVersion: 9, timeoutMs: 1_000, partitions } as never, () => {});
    log.flush(() => {});
  });
}

describe('a disk that fails or blocks', () => {
  it('is among the faults that runs draw', () => {
    for (const kind of [...ioFaults, ...quorumStoreFaults]) expect(faultKinds).toContain(kind);
  });

  it.each([
    [failingSync, 'disk sync failed', {}],
    [blockedSync, 'disk sync blocked', { lastsMs: 3_000 }],
    [blockedIo, 'disk write blocked', { calls: 'both', oneIn: 3, lastsMs: 3_000 }],
    [tornBelowIndex, 'disk unsynced data lost', {}],
    [failingRead, 'disk read refused', { files: 'all', oneIn: 1, lastsMs: 3_000 }],
    [quorumStoreFaults[0]!, 'quorum store write failed', {}],
    [quorumStoreFaults[1]!, 'quorum store found damaged', {}],
    [quorumStoreFaults[2]!, 'log snapshot-damaged', { isKilled: true }],
  ])('$name breaks no promise', (kind, count, forced) => {
    expect(strike(kind, forced).get(count)).toBeGreaterThan(0);
  });
});
