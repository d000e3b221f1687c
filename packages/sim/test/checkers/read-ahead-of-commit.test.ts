import { describe, expect, it } from 'vitest';
import { readAheadOfCommit } from '../../src/checkers/read-ahead-of-commit.ts';
import { replicasDiffer } from '../../src/checkers/replicas-differ.ts';
import { batch, SmallCluster, violationOf } from '../support/small-cluster.ts';

describe('read-ahead-of-commit', () => {
  it('sees a record that no leader has committed, even below the high watermark of the answer', () => {
    // The first checker writes the ledger that the second one reads.
    const small = new SmallCluster([replicasDiffer, readAheadOfCommit]);
    small.produce(batch);
    const read = (offset: number) => () =>
      small.history.add({
        type: 'poll',
        client: 'q1',
        topic: 't',
        topicId: undefined,
        partition: 0,
        fetchOffset: offset,
        records: [{ offset, value: `p1-${offset}`, leaderEpoch: 0 }],
        highWatermark: 1000,
        brokerId: 4,
        endedUs: small.world.nowUs,
      });
    expect(violationOf(read(0))).toBeUndefined();
    expect(violationOf(read(1))).toBe(
      'read-ahead-of-commit: q1 was given 1 of t-0 by broker 4 when 1 was committed',
    );
    small.exempt.add('t');
    expect(violationOf(read(1))).toBeUndefined();
  });
});
