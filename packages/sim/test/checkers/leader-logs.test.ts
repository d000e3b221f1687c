/** Goal: the final logs of a run excuse the missing records below an accepted log start, and no others. */
import { historyCheckers, type SendOp } from '@millrace/checkers';
import { buildBatch } from '@millrace/protocol';
import { describe, expect, it } from 'vitest';
import { expiredTooEarly } from '../../src/checkers/expired-too-early.ts';
import { ofHistory } from '../../src/checkers/of-history.ts';
import { replicasDiffer } from '../../src/checkers/replicas-differ.ts';
import { VALUE_HEADER } from '../../src/clients/sent-value.ts';
import type { SimNode } from '../../src/cluster/index.ts';
import { batch, SmallCluster, violationOf } from '../support/small-cluster.ts';

const named = (name: string) => ofHistory(historyCheckers.find((one) => one.name === name)!);
const lostWrite = named('lost-write');

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

/** Adds to the history that a client got the acknowledgement of the value at this offset. */
function acknowledged(small: SmallCluster, value: string, baseOffset: number): void {
  const { topicId } = small.replica(small.leader);
  const facts = { topic: 't', topicId, partition: 0, mayStray: false, acks: -1, idempotent: true } as const;
  const end = { invokedUs: 0, endedUs: small.world.nowUs, outcome: 'ok', error: undefined, ackedBy: 4 };
  small.history.add({ type: 'send', client: 'p1', values: [value], baseOffset, ...facts, ...end } as SendOp);
}

/** A batch with a tombstone of the key, whose header has the value. */
function tombstone(key: string, text: string, placed: object = {}): Uint8Array {
  const headers = [{ key: VALUE_HEADER, value: Buffer.from(text) }];
  return buildBatch({
    baseTimestamp: 0,
    records: [{ key: Buffer.from(key), value: null, headers }],
    ...placed,
  });
}

/**
 * Producer 9 appends the value p1-0 twice, and both records are deleted. `startBetween`: the log start offset
 * when the leader appends the second record.
 */
function repeated(startBetween: number): SmallCluster {
  const small = new SmallCluster([replicasDiffer, expiredTooEarly, named('duplicate')]);
  const ofProducer = (baseSequence: number) => () =>
    buildBatch({
      records: [{ value: new TextEncoder().encode('p1-0') }],
      baseTimestamp: 1_700_000_000_000,
      producerId: 9,
      producerEpoch: 0,
      baseSequence,
    });
  small.produce(ofProducer(0));
  small.produce(batch);
  small.history.deletionAsked({ client: 'a1', topic: 't', invokedUs: 0, partition: 0, offset: 3 });
  for (const node of [small.leader, ...small.followers]) raise(small, node, startBetween);
  small.produce(ofProducer(1));
  acknowledged(small, 'p1-0', 0);
  for (const node of [small.leader, ...small.followers]) raise(small, node, 3);
  return small;
}

describe('readLeaderLogs', () => {
  it('finds a value of an idempotent producer that was in the log twice', () => {
    expect(violationOf(repeated(0).finish)).toMatch(/^duplicate: p1-0 is at 0 and at 2 of t-0/);
  });

  it('knows whether the last batch of a producer was deleted before its next batch came', () => {
    const small = repeated(1);
    expect(violationOf(small.finish)).toBeUndefined();
    expect(small.world.counts.get('repeated after its producer was forgotten')).toBe(1);
  });

  it('has the committed records below the log start offset', () => {
    const small = setUp();
    for (const offset of [0, 1, 2]) acknowledged(small, `p1-${offset}`, offset);
    for (const node of [small.leader, ...small.followers]) raise(small, node, 2);
    expect(violationOf(small.finish)).toBeUndefined();
  });

  it('shows that an acknowledged record below the log start offset was never committed', () => {
    const small = setUp();
    acknowledged(small, 'p1-9', 1);
    for (const node of [small.leader, ...small.followers]) raise(small, node, 2);
    expect(violationOf(small.finish)).toMatch(/^lost-write: p1-9 was acknowledged/);
  });

  it('excuses a tombstone that a compacted log lacks only after delete.retention.ms', () => {
    for (const deleteRetentionMs of [86_400_000, 0]) {
      const small = new SmallCluster([lostWrite, replicasDiffer]);
      for (const node of small.cluster.brokers) {
        const { log } = small.replica(node);
        log.setConfig({ ...log.config, isCompacted: true, deletesOldRecords: false, deleteRetentionMs });
      }
      small.produce((text) => tombstone('k', text));
      acknowledged(small, 'p1-0', 0);
      small.run(1);
      const { leader } = small;
      const content = leader.disk.tree.file('/data/t-0/00000000000000000000.log')!;
      const { leaderEpoch } = small.state;
      content.truncate(0);
      content.write(0, tombstone('x', 'p1-5', { leaderEpoch }));
      const found = violationOf(small.finish) ?? '';
      if (deleteRetentionMs === 0) expect(found).not.toContain('lost-write');
      else expect(found).toMatch(/^lost-write: p1-0 was acknowledged/);
    }
  });

  it('does not excuse the records below a log start offset that expired-too-early has not accepted', () => {
    const small = setUp();
    acknowledged(small, 'p1-2', 2);
    raise(small, small.leader, 2);
    small.leader.disk.isDamaged = true;
    raise(small, small.leader, 3);
    expect(violationOf(small.finish)).toMatch(/^lost-write: p1-2 was acknowledged/);
  });
});
