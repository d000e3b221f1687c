import { buildBatch } from '@millrace/protocol';
import { describe, expect, it } from 'vitest';
import { expiredTooEarly } from '../../src/checkers/expired-too-early.ts';
import { replicasDiffer } from '../../src/checkers/replicas-differ.ts';
import type { SimNode } from '../../src/cluster/index.ts';
import { batch, SmallCluster, violationOf } from '../support/small-cluster.ts';

const WEEK_MS = 604_800_000;

function setUp(): SmallCluster {
  const small = new SmallCluster([replicasDiffer, expiredTooEarly]);
  for (let i = 0; i < 3; i++) small.produce(batch);
  return small;
}

const raise = (small: SmallCluster, node: SimNode, offset: number) => () =>
  small.corrupt(node, () => small.replica(node).log.advanceStartOffset(offset));

describe('expired-too-early', () => {
  it('sees a log start offset above a record that has not expired', () => {
    const small = setUp();
    expect(violationOf(raise(small, small.leader, 1))).toMatch(
      /^expired-too-early: at b\d+ the log of t-0 begins at 1, but the batch at 0 has not expired/,
    );
  });

  it('sees a log start offset above the committed records', () => {
    const small = setUp();
    const [follower] = small.followers as [SimNode];
    const uncommitted = () =>
      small.corrupt(follower, () => small.replica(follower).log.truncateFullyAndStartAt(9));
    expect(violationOf(uncommitted)).toMatch(/^expired-too-early: .* begins at 9, but only 3 is committed/);
  });

  it('accepts a log start offset above expired records, also on the other replicas', () => {
    const small = setUp();
    for (const { host } of small.cluster.brokers) host.wallOffsetMs += 2 * WEEK_MS;
    expect(violationOf(raise(small, small.leader, 2))).toBeUndefined();
    for (const { host } of small.cluster.brokers) host.wallOffsetMs -= 2 * WEEK_MS;
    for (const node of small.followers) expect(violationOf(raise(small, node, 2))).toBeUndefined();
    expect(violationOf(raise(small, small.leader, 3))).toMatch(/the batch at 2 has not expired/);
  });

  it('judges by the clock at the end of a turn that blocked', () => {
    const small = setUp();
    const { leader, world } = small;
    // The records expire in a second, by the clocks of all brokers.
    const inOneSecond = 1_700_000_000_000 + WEEK_MS - 1_000 - Math.floor(world.nowUs / 1_000);
    for (const { host } of small.cluster.brokers) host.wallOffsetMs = inOneSecond;
    const raiseLate = (lateMs: number) => () =>
      small.corrupt(leader, () => {
        leader.life!.block(lateMs * 1_000);
        small.replica(leader).log.advanceStartOffset(1);
      });
    expect(violationOf(raiseLate(2_000))).toBeUndefined();
    const early = setUp();
    const by = early.world.nowUs - world.nowUs;
    for (const { host } of early.cluster.brokers) host.wallOffsetMs = inOneSecond - Math.ceil(by / 1_000);
    expect(violationOf(raise(early, early.leader, 1))).toMatch(/the batch at 0 has not expired/);
  });

  it('counts the clock of a second process with the id of a broker', () => {
    const small = setUp();
    const [follower] = small.followers as [SimNode];
    const standIn = small.cluster.addStandIn(follower, 's9');
    standIn.host.wallOffsetMs += 2 * WEEK_MS;
    expect(violationOf(raise(small, small.leader, 2))).toBeUndefined();
  });

  it('accepts a start up to the offset that a client asked to delete, and no higher', () => {
    const small = setUp();
    const asked = { client: 'a1', topic: 't', invokedUs: 0 };
    small.history.deletionAsked({ ...asked, partition: 1, offset: 3 });
    small.history.deletionAsked({ ...asked, partition: 0, offset: 2 });
    for (const node of [small.leader, ...small.followers])
      expect(violationOf(raise(small, node, 2))).toBeUndefined();
    expect(violationOf(raise(small, small.leader, 3))).toMatch(/the batch at 2 has not expired, and nobody/);
  });

  it('accepts a start at the high watermark of the leader after a request with the offset -1', () => {
    const small = setUp();
    const asked = { client: 'a1', topic: 't', invokedUs: 0, partition: 0, offset: -1 };
    small.history.deletionAsked(asked);
    expect(violationOf(raise(small, small.followers[0]!, 3))).toMatch(/the batch at 0 has not expired/);
    const next = setUp();
    next.history.deletionAsked(asked);
    expect(violationOf(raise(next, next.leader, 3))).toBeUndefined();
    for (const node of next.followers) expect(violationOf(raise(next, node, 3))).toBeUndefined();
    const below = setUp();
    below.history.deletionAsked(asked);
    expect(violationOf(raise(below, below.leader, 2))).toMatch(/the batch at 0 has not expired/);
  });

  it.each([3, -1])('accepts a deletion below %i only until the peace after the answer', (offset) => {
    const asked = { client: 'a1', topic: 't', invokedUs: 1, partition: 0, offset };
    const facts = { type: 'delete-records', topicId: undefined, error: undefined, lowWatermark: 3 } as const;
    const SEC = 1_000_000;
    const after = (outcome: 'ok' | 'info' | 'fail', fromUs: number, toUs: number) => {
      const small = setUp();
      small.history.deletionAsked(asked);
      small.history.add({ ...asked, ...facts, outcome, endedUs: 5 * SEC });
      small.history.peaceOver({ fromUs, toUs });
      return violationOf(raise(small, small.leader, 3));
    };
    for (const outcome of ['ok', 'info'] as const) {
      expect(after(outcome, 6 * SEC, 20 * SEC)).toMatch(/the batch at 0 has not expired, and nobody/);
      // The request may still wait at a broker, or may not have arrived before the incident that follows.
      expect(after(outcome, 6 * SEC, 14 * SEC)).toBeUndefined();
      expect(after(outcome, 4 * SEC, 20 * SEC)).toBeUndefined();
    }
    expect(after('fail', 0, SEC)).toMatch(/the batch at 0 has not expired, and nobody/);
  });

  it('accepts a record that has not expired only if compaction may have dropped it', () => {
    const found = (
      latest: string | null,
      start: number,
      isCompacted: boolean,
      deleteRetentionMs = WEEK_MS,
    ) => {
      const small = new SmallCluster([replicasDiffer, expiredTooEarly]);
      for (const node of small.cluster.brokers) {
        const { log } = small.replica(node);
        log.setConfig({ ...log.config, isCompacted, deleteRetentionMs });
      }
      small.run(1);
      const old = { timestamp: 1_700_000_000_000 - 2 * WEEK_MS };
      const record = (key: string, value: string | null) => ({
        key: Buffer.from(key),
        value: value === null ? null : Buffer.from(value),
      });
      const records = [
        [{ ...record('a', 'v0'), ...old }, record('k', 'v1')],
        [record('k', latest)],
        [record('x', 'v3')],
      ];
      for (const list of records)
        small.produce(() => buildBatch({ baseTimestamp: 1_700_000_000_000, records: list }));
      return violationOf(raise(small, small.leader, start));
    };
    // The record of `a` has expired, and a later record of `k` replaces the one at 1.
    expect(found('v2', 2, true)).toBeUndefined();
    expect(found('v2', 2, false)).toMatch(/the batch at 0 has not expired/);
    expect(found('v2', 3, true)).toMatch(/the batch at 2 has not expired/);
    expect(found(null, 3, true)).toMatch(/the batch at 2 has not expired/);
    expect(found(null, 3, true, 0)).toBeUndefined();
  });

  it('does not accept that a follower deletes records before its leader does', () => {
    const small = setUp();
    small.history.deletionAsked({ client: 'a1', topic: 't', invokedUs: 0, partition: 0, offset: 2 });
    expect(violationOf(raise(small, small.followers[0]!, 2))).toMatch(/the batch at 0 has not expired/);
  });

  it.each([2, -1])(
    'does not accept that a leader opens with a higher start; the client asked for %i',
    (offset) => {
      const small = setUp();
      small.history.deletionAsked({ client: 'a1', topic: 't', invokedUs: 0, partition: 0, offset });
      const { leader } = small;
      leader.kill('process');
      leader.start();
      const opens = () => {
        // Makes the replica begin at 2 and lead in the turn in which it opens.
        small.world.watchers.unshift(() => {
          const replica = small.replica(leader);
          if (replica === undefined) return;
          replica.log.startOffset = 2;
          replica.highWatermark = replica.log.endOffset;
          replica.leadership ??= {} as never;
        });
        small.run(3);
      };
      expect(violationOf(opens)).toMatch(/^expired-too-early: .* the batch at 0 has not expired/);
    },
  );

  it('judges a log start offset that a process raised in the turn in which it died', () => {
    const small = setUp();
    const { leader } = small;
    const dying = () =>
      small.corrupt(leader, () => {
        small.replica(leader).log.advanceStartOffset(1);
        leader.kill('process');
      });
    expect(
      violationOf(() => {
        dying();
        leader.start();
        small.run(1);
      }),
    ).toMatch(/^expired-too-early: .* begins at 1/);
  });

  it('lets the followers take the log start offset of a leader with a damaged disk, if a client asked for the deletion', () => {
    const small = setUp();
    small.leader.disk.isDamaged = true;
    small.history.deletionAsked({ client: 'a1', topic: 't', invokedUs: 0, partition: 0, offset: -1 });
    for (const node of [small.leader, ...small.followers])
      expect(violationOf(raise(small, node, 3))).toBeUndefined();
  });

  it('lets the followers take the log start offset of a leader with a damaged disk, if the records have expired', () => {
    const small = setUp();
    small.leader.disk.isDamaged = true;
    for (const { host } of small.cluster.brokers) host.wallOffsetMs += 2 * WEEK_MS;
    expect(violationOf(raise(small, small.leader, 2))).toBeUndefined();
    for (const { host } of small.cluster.brokers) host.wallOffsetMs -= 2 * WEEK_MS;
    for (const node of small.followers) expect(violationOf(raise(small, node, 2))).toBeUndefined();
  });

  it('exempts a damaged disk', () => {
    const small = setUp();
    small.leader.disk.isDamaged = true;
    expect(violationOf(raise(small, small.leader, 1))).toBeUndefined();
  });
});
