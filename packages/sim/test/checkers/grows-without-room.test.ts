import { describe, expect, it } from 'vitest';
import { growsWithoutRoom } from '../../src/checkers/grows-without-room.ts';
import { batch, SmallCluster, violationOf } from '../support/small-cluster.ts';

/** A cluster whose leader knows that its disk is nearly full. */
function setUp(): SmallCluster {
  const small = new SmallCluster([growsWithoutRoom], 1, {
    'replica.high.watermark.checkpoint.interval.ms': '100',
  });
  small.produce(batch);
  small.leader.disk.setFreeBytes(1_000);
  small.run(1);
  expect(small.leader.roles!.broker!.replicas.shortage).toMatch(/1000 bytes free/);
  return small;
}

function append(small: SmallCluster): void {
  const { leader } = small;
  const { log } = small.replica(leader);
  const options = { leaderEpoch: log.epochs.latest, nowWallMs: leader.life!.clock.wallMs() };
  expect(log.appendAsLeader(batch('p1-9'), options as never)).toMatchObject({ ok: true });
}

describe('grows-without-room', () => {
  it('accepts a leader that refuses records, and accepts them again when its disk has room', () => {
    const small = setUp();
    const { leader } = small;
    const { endOffset } = small.replica(leader).log;
    expect(violationOf(() => small.produce(batch))).toBeUndefined();
    expect(small.replica(leader).log.endOffset).toBe(endOffset);
    leader.disk.setFreeBytes(undefined);
    small.run(3);
    expect(violationOf(() => small.produce(batch))).toBeUndefined();
    expect(small.replica(leader).log.endOffset).toBe(endOffset + 1);
  });

  it('accepts a log that grows in the turn in which its broker learns that the disk has room', () => {
    const small = setUp();
    const { leader } = small;
    leader.disk.setFreeBytes(undefined);
    const grow = () =>
      small.corrupt(leader, () => {
        // The broker measures its free space.
        leader.roles!.broker!.replicas['logDirs'].look();
        append(small);
      });
    expect(violationOf(grow)).toBeUndefined();
  });

  it('sees a log that grows during a shortage', () => {
    const small = setUp();
    const { leader } = small;
    const grow = () => small.corrupt(leader, () => append(small));
    expect(violationOf(grow)).toBe(
      `grows-without-room: ${leader.name} writes to t-0 up to 2, although it knows that its disk is nearly full`,
    );
  });
});
