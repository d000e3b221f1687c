import type { DeleteRecordsOp } from '@millrace/checkers';
import { describe, expect, it } from 'vitest';
import { deletedRecordsBack } from '../../src/checkers/deleted-records-back.ts';
import type { SimNode } from '../../src/cluster/index.ts';
import { batch, SmallCluster, violationOf } from '../support/small-cluster.ts';

function setUp(): SmallCluster {
  const small = new SmallCluster([deletedRecordsBack]);
  for (let i = 0; i < 3; i++) small.produce(batch);
  return small;
}

/**
 * Notes a request to delete records below `offset`. Returns a function that ends the operation and adds it to
 * the history.
 */
function ask(small: SmallCluster, offset = 2): (lowWatermark?: number) => void {
  const invokedUs = small.world.nowUs;
  const { topicId } = small.replica(small.leader);
  const asked = { client: 'a1', topic: 't', partition: 0, offset, invokedUs };
  small.history.deletionAsked(asked);
  small.run(1);
  return (lowWatermark = 2) => {
    const end = { outcome: 'ok', error: undefined, lowWatermark, endedUs: small.world.nowUs } as const;
    small.history.add({ type: 'delete-records', ...asked, ...end, topicId } satisfies DeleteRecordsOp);
  };
}

const raise = (small: SmallCluster, node: SimNode, offset = 2) =>
  small.corrupt(node, () => small.replica(node).log.advanceStartOffset(offset));

function poll(small: SmallCluster, offset: number): () => void {
  const { topicId } = small.replica(small.leader);
  const place = { client: 'q1', topic: 't', topicId, partition: 0, fetchOffset: offset };
  const records = [{ offset, value: 'p1-0', leaderEpoch: 0 }];
  const facts = { highWatermark: 3, brokerId: small.leader.id, endedUs: small.world.nowUs };
  return () => small.history.add({ type: 'poll', ...place, records, ...facts });
}

function assign(small: SmallCluster, offset: number): () => void {
  const { topicId } = small.replica(small.leader);
  const place = { client: 'q1', topic: 't', topicId, partition: 0, offset };
  return () => small.history.add({ type: 'assign', ...place, why: 'earliest', endedUs: small.world.nowUs });
}

describe('deleted-records-back', () => {
  it('accepts a deletion that every live member of the ISR knows', () => {
    const small = setUp();
    const acknowledge = ask(small);
    raise(small, small.leader);
    small.run(2);
    expect(violationOf(() => acknowledge())).toBeUndefined();
  });

  it('sees a member of the ISR that begins below the low watermark', () => {
    const small = setUp();
    const acknowledge = ask(small);
    raise(small, small.leader);
    expect(violationOf(() => acknowledge())).toMatch(
      /^deleted-records-back: b\d begins t-0 at 0, but the deletion of the records below 2 was acknowledged$/,
    );
  });

  it('sees an acknowledgement with a low watermark below the offset of the request', () => {
    const acknowledge = ask(setUp());
    expect(violationOf(() => acknowledge(1))).toBe(
      'deleted-records-back: the deletion of the records below 2 in t-0 was acknowledged with the low watermark 1',
    );
    const upToHighWatermark = ask(setUp(), -1);
    expect(violationOf(() => upToHighWatermark(0))).toBeUndefined();
  });

  it('demands nothing of a process that has ended since the request, and nothing of an exempt topic', () => {
    const small = setUp();
    const acknowledge = ask(small);
    for (const node of small.cluster.brokers) node.kill('process');
    expect(violationOf(() => acknowledge())).toBeUndefined();
    const exempt = setUp();
    const end = ask(exempt);
    exempt.exempt.add('t');
    expect(violationOf(() => end())).toBeUndefined();
  });

  it('sees an answer below the low watermark, when the deletion was some seconds ago', () => {
    const small = setUp();
    const acknowledge = ask(small);
    raise(small, small.leader);
    small.run(1);
    acknowledge();
    for (const answer of [poll, assign]) expect(violationOf(answer(small, 1))).toBeUndefined();
    small.run(6);
    expect(violationOf(poll(small, 1))).toMatch(/^deleted-records-back: q1 was given 1 in t-0, but/);
    expect(violationOf(assign(small, 0))).toMatch(/q1 learned that the log begins at 0 in t-0, but/);
    for (const answer of [poll, assign]) expect(violationOf(answer(small, 2))).toBeUndefined();
  });

  it('still judges answers by an earlier deletion after a later one is acknowledged', () => {
    const small = setUp();
    const acknowledge = ask(small);
    raise(small, small.leader);
    small.run(1);
    acknowledge();
    small.run(6);
    const next = ask(small, 3);
    raise(small, small.leader, 3);
    small.run(1);
    next(3);
    expect(violationOf(poll(small, 2))).toBeUndefined();
    expect(violationOf(poll(small, 1))).toMatch(/the deletion of the records below 2 was acknowledged/);
  });

  it('accepts an answer below the low watermark, if the log of a leader began there afterwards', () => {
    const small = setUp();
    const acknowledge = ask(small);
    raise(small, small.leader);
    small.run(1);
    acknowledge();
    small.corrupt(small.leader, () => {
      small.replica(small.leader).log.startOffset = 1;
    });
    small.run(6);
    expect(violationOf(poll(small, 1))).toBeUndefined();
    expect(violationOf(poll(small, 0))).toMatch(/no leader has begun below 1 since/);
  });
});
