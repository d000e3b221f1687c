/** Goal: what the final logs of a run excuse below a log start, and nothing more. */
import { historyCheckers, type SendOp } from '@millrace/checkers';
import { describe, expect, it } from 'vitest';
import { expiredTooEarly } from '../../src/checkers/expired-too-early.ts';
import { ofHistory } from '../../src/checkers/of-history.ts';
import { replicasDiffer } from '../../src/checkers/replicas-differ.ts';
import type { SimNode } from '../../src/cluster/index.ts';
import { batch, SmallCluster, violationOf } from '../support/small-cluster.ts';

const lostWrite = ofHistory(historyCheckers.find(({ name }) => name === 'lost-write')!);

/** A cluster with the values p1-0, p1-1 and p1-2, of which the first two are deleted. */
function setUp(): SmallCluster {
  const small = new SmallCluster([replicasDiffer, expiredTooEarly, lostWrite]);
  for (let i = 0; i < 3; i++) small.produce(batch);
  small.history.deletionAsked({ client: 'a1', topic: 't', invokedUs: 0, partition: 0, offset: 2 });
  return small;
}

function raise(small: SmallCluster, node: SimNode, offset: number): void {
  small.corrupt(node, () => small.replica(node).log.advanceStartOffset(offset));
}

/** A client got the acknowledgement that the value is at the offset. */
function acknowledged(small: SmallCluster, value: string, baseOffset: number): void {
  const { topicId } = small.replica(small.leader);
  const facts = { topic: 't', topicId, partition: 0, mayStray: false, acks: -1, idempotent: true } as const;
  const end = { invokedUs: 0, endedUs: small.world.nowUs, outcome: 'ok', error: undefined, ackedBy: 4 };
  small.history.add({ type: 'send', client: 'p1', values: [value], baseOffset, ...facts, ...end } as SendOp);
}

describe('readLeaderLogs', () => {
  it('has the committed records below the log start', () => {
    const small = setUp();
    for (const offset of [0, 1, 2]) acknowledged(small, `p1-${offset}`, offset);
    for (const node of [small.leader, ...small.followers]) raise(small, node, 2);
    expect(violationOf(small.finish)).toBeUndefined();
  });

  it('shows that an acknowledged record below the log start was never committed', () => {
    const small = setUp();
    acknowledged(small, 'p1-9', 1);
    for (const node of [small.leader, ...small.followers]) raise(small, node, 2);
    expect(violationOf(small.finish)).toMatch(/^lost-write: p1-9 was acknowledged/);
  });

  it('does not excuse the records below a log start that nobody has a right to', () => {
    const small = setUp();
    acknowledged(small, 'p1-2', 2);
    raise(small, small.leader, 2);
    small.leader.disk.isDamaged = true;
    raise(small, small.leader, 3);
    expect(violationOf(small.finish)).toMatch(/^lost-write: p1-2 was acknowledged/);
  });
});
