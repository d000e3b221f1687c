import { buildBatch } from '@millrace/protocol';
import { describe, expect, it } from 'vitest';
import type { StateCheckerKind, StateScope } from '../../src/checkers/checker.ts';
import { compactedValueLost } from '../../src/checkers/compacted-value-lost.ts';
import { replicasDiffer } from '../../src/checkers/replicas-differ.ts';
import { SmallCluster, violationOf } from '../support/small-cluster.ts';

const LOG = '/data/t-0/00000000000000000000.log';
const encoder = new TextEncoder();

function keyed(key: string, value: string | null, placed: object = {}): Uint8Array {
  const bytes = value === null ? null : encoder.encode(value);
  return buildBatch({ baseTimestamp: 0, records: [{ key: encoder.encode(key), value: bytes }], ...placed });
}

/** A compacted topic with two records of `k`. The ledger gets them from replicas-differ. */
function setUp(latest: string | null, others: readonly StateCheckerKind[] = []): SmallCluster {
  const small = new SmallCluster([compactedValueLost, replicasDiffer, ...others]);
  small.produce(() => keyed('k', 'v1'));
  small.produce(() => keyed('k', latest));
  for (const node of small.cluster.brokers) {
    const { log } = small.replica(node);
    log.setConfig({ ...log.config, isCompacted: true, deletesOldRecords: false });
  }
  expect(violationOf(() => small.finish())).toBeUndefined();
  return small;
}

/** Replaces the batches on one follower. */
function rewrite(small: SmallCluster, ...batches: Uint8Array[]): string {
  const follower = small.followers[0]!;
  const content = follower.disk.tree.file(LOG)!;
  content.truncate(0);
  content.write(0, Buffer.concat(batches));
  return follower.name;
}

describe('compacted-value-lost', () => {
  it('sees an older value in the place of the latest one', () => {
    const small = setUp('v2');
    const { leaderEpoch } = small.state;
    const old = keyed('k', 'v1', { leaderEpoch });
    const name = rewrite(small, old, keyed('x', 'v2', { leaderEpoch, baseOffset: 1 }));
    expect(violationOf(() => small.finish())).toBe(
      `compacted-value-lost: ${name} has the record of a key at 0, but a later one at 1 was committed in t-0`,
    );
  });

  it('sees a key without any record, also if its latest record is a tombstone that must not go yet', () => {
    for (const latest of ['v2', null]) {
      const small = setUp(latest);
      const { leaderEpoch } = small.state;
      const other = keyed('x', 'v1', { leaderEpoch });
      const name = rewrite(small, other, keyed('x', latest, { leaderEpoch, baseOffset: 1 }));
      const what =
        latest === null
          ? 'dropped the tombstone at 1 before delete.retention.ms was over'
          : 'has no record of a key whose latest record at 1 was committed';
      expect(violationOf(() => small.finish())).toBe(`compacted-value-lost: ${name} ${what} in t-0`);
      for (const node of small.cluster.brokers) {
        const { log } = small.replica(node);
        log.setConfig({ ...log.config, deleteRetentionMs: 0 });
      }
      const found = violationOf(() => small.finish()) ?? '';
      if (latest === null) expect(found).not.toContain('compacted-value-lost');
      else expect(found).toContain('compacted-value-lost');
    }
  });

  it('judges a tombstone by each delete.retention.ms that a replica has had since the commit', () => {
    for (const isShortAfterwards of [true, false]) {
      const small = new SmallCluster([compactedValueLost, replicasDiffer]);
      const set = (deleteRetentionMs: number) => {
        for (const node of small.cluster.brokers) {
          const { log } = small.replica(node);
          log.setConfig({ ...log.config, isCompacted: true, deletesOldRecords: false, deleteRetentionMs });
        }
        small.run(5);
      };
      set(0);
      if (!isShortAfterwards) set(86_400_000);
      small.produce(() => keyed('k', 'v1'));
      small.produce(() => keyed('k', null));
      small.run(5);
      set(86_400_000);
      const { leaderEpoch } = small.state;
      const name = rewrite(
        small,
        keyed('x', 'v1', { leaderEpoch }),
        keyed('x', null, { leaderEpoch, baseOffset: 1 }),
      );
      const found = violationOf(() => small.finish()) ?? '';
      const early = `compacted-value-lost: ${name} dropped the tombstone at 1 before delete.retention.ms was over`;
      if (isShortAfterwards) expect(found).not.toContain('compacted-value-lost');
      else expect(found).toContain(early);
    }
  });

  it('accepts an older record only at a replica whose log reached the tombstone after its commit', () => {
    for (const isLate of [true, false]) {
      const small = setUp(null);
      for (const node of small.cluster.brokers) {
        const { log } = small.replica(node);
        log.setConfig({ ...log.config, deleteRetentionMs: 0 });
      }
      const follower = small.followers[0]!;
      small.run(1);
      // A follower that is late truncates its log to 1, and then fetches the record at 1 again.
      for (const endOffset of isLate ? [1, 2] : [])
        small.corrupt(follower, () => {
          small.replica(follower).log.endOffset = endOffset;
        });
      const { leaderEpoch } = small.state;
      const old = keyed('k', 'v1', { leaderEpoch });
      const name = rewrite(small, old, keyed('x', null, { leaderEpoch, baseOffset: 1 }));
      const found = violationOf(() => small.finish()) ?? '';
      const excused = small.world.counts.get('replica without a tombstone keeps an older record');
      expect(excused).toBe(isLate ? 1 : undefined);
      // The other checkers still judge the topic.
      if (isLate) expect(found).toMatch(/^replicas-differ/);
      else expect(found).toContain(`compacted-value-lost: ${name} has the record of a key at 0`);
    }
  });

  it('accepts no older record at a replica that lagged for less than delete.retention.ms', () => {
    const small = setUp(null);
    const follower = small.followers[0]!;
    small.run(1);
    for (const endOffset of [1, 2])
      small.corrupt(follower, () => {
        small.replica(follower).log.endOffset = endOffset;
      });
    const { leaderEpoch } = small.state;
    const name = rewrite(
      small,
      keyed('k', 'v1', { leaderEpoch }),
      keyed('x', null, { leaderEpoch, baseOffset: 1 }),
    );
    expect(violationOf(() => small.finish())).toContain(
      `compacted-value-lost: ${name} has the record of a key at 0, but a later one at 1 was committed`,
    );
  });

  it('notes that the leader of a compacted topic beyond the contract may have kept deleted keys', () => {
    for (const isExempt of [true, false]) {
      let scope: StateScope | undefined;
      const spy: StateCheckerKind = {
        name: 'spy',
        sentence: '',
        make: (given) => {
          scope = given;
          return {};
        },
      };
      const small = setUp(null, [spy]);
      if (isExempt) small.exempt.add('t');
      expect(violationOf(() => small.finish())).toBeUndefined();
      expect(scope!.ledger.of(small.replica(small.leader)).hasStaleKeys).toBe(isExempt);
    }
  });

  it('judges a log of both policies, and a log with gaps whose topic is no longer compacted', () => {
    for (const [isCompacted, deletesOldRecords] of [
      [true, true],
      [false, true],
    ] as const) {
      const small = setUp('v2');
      for (const node of small.cluster.brokers) {
        const { log } = small.replica(node);
        log.setConfig({ ...log.config, isCompacted, deletesOldRecords });
      }
      const { leaderEpoch } = small.state;
      const name = rewrite(
        small,
        keyed('k', 'v1', { leaderEpoch }),
        keyed('x', 'v2', { leaderEpoch, baseOffset: 1 }),
      );
      const { log } = small.replica(small.followers[0]!);
      Object.defineProperty(log, 'mayHaveGaps', { value: true });
      expect(violationOf(() => small.finish())).toContain(`${name} has the record of a key at 0`);
    }
  });

  it('looks at a log after each cleaning', () => {
    const small = setUp('v2');
    const { leaderEpoch } = small.state;
    const follower = small.followers[0]!;
    const name = rewrite(
      small,
      keyed('k', 'v1', { leaderEpoch }),
      keyed('x', 'v2', { leaderEpoch, baseOffset: 1 }),
    );
    const cleaned = () =>
      small.corrupt(follower, () => {
        for (const watch of small.world.logWatchers)
          watch(follower.life!, 'log-cleaned', { topic: 't', partition: 0 });
      });
    expect(violationOf(cleaned)).toContain(`compacted-value-lost: ${name} has the record of a key at 0`);
    expect(violationOf(() => small.run(1))).toBeUndefined();
  });

  it('sees a cleaning that ends above the high watermark', () => {
    const small = setUp('v2');
    const { leader } = small;
    const cleaned = (cleanedTo: number) => () =>
      small.corrupt(leader, () => {
        Object.defineProperty(small.replica(leader).log, 'cleanedTo', {
          value: cleanedTo,
          configurable: true,
        });
        for (const watch of small.world.logWatchers)
          watch(leader.life!, 'log-cleaned', { topic: 't', partition: 0 });
      });
    expect(violationOf(cleaned(2))).toBeUndefined();
    expect(violationOf(cleaned(3))).toBe(
      `compacted-value-lost: ${leader.name} compacted its log up to 3, and its high watermark is 2 in t-0`,
    );
  });
});
