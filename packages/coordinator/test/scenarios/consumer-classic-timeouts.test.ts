/**
 * Goal: a consumer group removes a classic member when its session ends, or when it misses the deadline of a
 * duty (to join again, or to send SyncGroup).
 */
import { ErrorCode } from '@millrace/protocol';
import { describe, expect, it } from 'vitest';
import { ClassicClient } from '../support/classic-client.ts';
import { GroupBench } from '../support/group-bench.ts';

function bench(): GroupBench {
  const b = new GroupBench();
  b.createTopic('foo', 4);
  return b;
}

describe('a classic member', () => {
  it('without a rebalance timeout must send SyncGroup within its session timeout', () => {
    const b = bench();
    b.settle('a');
    const k = new ClassicClient(b, 'k');
    k.join(['foo'], {}, { rebalanceTimeoutMs: -1, sessionTimeoutMs: 20_000 });
    b.port.advance(10_000);
    k.heartbeat();
    b.transcript();
    b.port.advance(9_000);
    expect(b.transcript()).toEqual([]);
    b.port.advance(1_000);
    expect(b.transcript()[0]).toContain('no member k');
  });

  it('has its own session timeout', () => {
    const b = bench();
    b.settle('a');
    const k = new ClassicClient(b, 'k');
    k.join(['foo']);
    k.sync();
    b.port.advance(19_999);
    expect(b.described('k').memberType).toBe(0);
    b.port.advance(1);
    expect(() => b.described('k')).toThrow();
  });

  it('is removed if it does not synchronize, or does not join again, within its rebalance timeout', () => {
    for (const duty of ['sync', 'join']) {
      const b = bench();
      b.settle('a');
      const k = new ClassicClient(b, 'k');
      k.join(['foo']);
      if (duty === 'join') {
        k.sync();
        b.join('c', ['foo']);
      }
      for (let i = 0; i < 3; i++) {
        k.heartbeat();
        b.port.advance(10_000);
      }
      expect(() => b.described('k')).toThrow();
      expect(b.rebalances.at(-1)).toMatchObject({ cause: 'rebalance-timeout', memberId: 'k' });
    }
  });

  it('has a session even if the commit of its join takes too long', () => {
    const b = bench();
    b.settle('a');
    b.port.commitsAtOnce = false;
    new ClassicClient(b, 'k').join(['foo']);
    b.port.timeOutCommits();
    b.port.commit();
    b.port.commitsAtOnce = true;
    expect(b.transcript().at(-1)).toBe('k join < COORDINATOR_NOT_AVAILABLE');
    b.port.advance(19_999);
    expect(b.described('k').memberType).toBe(0);
    b.port.advance(1);
    expect(() => b.described('k')).toThrow();
    expect(b.rebalances.at(-1)).toMatchObject({ cause: 'session-expired', memberId: 'k' });
  });

  it('must sync even if the commit of its join takes too long', () => {
    const b = bench();
    b.settle('a');
    b.port.commitsAtOnce = false;
    const k = new ClassicClient(b, 'k');
    k.join(['foo']);
    b.port.timeOutCommits();
    b.port.commit();
    b.port.commitsAtOnce = true;
    for (let i = 0; i < 3; i++) {
      k.heartbeat(3);
      b.port.advance(10_000);
    }
    expect(b.rebalances.at(-1)).toMatchObject({ cause: 'rebalance-timeout', memberId: 'k' });
  });

  it('meets its rebalance timeout when its join or its sync arrives, however long the commit takes', () => {
    const b = bench();
    b.settle('a');
    const k = new ClassicClient(b, 'k');
    k.join(['foo']);
    b.port.commitsAtOnce = false;
    b.join('c', ['foo']);
    k.sync({ generationId: 3 });
    k.join(['foo']);
    k.sync({ generationId: 4 });
    for (let i = 0; i < 4; i++) {
      k.heartbeat(4);
      b.beat('a', 2);
      b.port.advance(10_000);
    }
    expect(b.described('k').memberEpoch).toBe(4);
  });

  it('stays a member while it tries to join again, even if the log refuses all records', () => {
    const b = bench();
    b.settle('a');
    const k = new ClassicClient(b, 'k');
    k.join(['foo']);
    k.sync();
    b.port.refusal = ErrorCode.COORDINATOR_NOT_AVAILABLE;
    for (let i = 0; i < 4; i++) {
      b.port.advance(10_000);
      k.join(['foo', 'bar']);
    }
    b.port.refusal = ErrorCode.NONE;
    b.port.advance(1_000);
    expect(b.described('k').memberEpoch).toBe(3);
  });

  it('that changes to the consumer protocol before its join is committed need not sync', () => {
    const b = bench();
    b.settle('a');
    b.port.commitsAtOnce = false;
    new ClassicClient(b, 'k').join(['foo']);
    b.join('k', ['foo']);
    b.port.commit();
    b.port.commitsAtOnce = true;
    b.port.advance(40_000);
    expect(b.described('k').memberType).toBe(1);
  });
});
