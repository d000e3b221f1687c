import { describe, expect, it } from 'vitest';
import { lostWrite } from '../../src/anomalies/lost-write.ts';
import {
  compacted,
  finalLog,
  itFires,
  judge,
  logOf,
  NEW,
  OLD,
  poll,
  send,
  sent,
  trimmed,
  two,
} from '../support/histories.ts';

describe('lost-write', () => {
  const one = finalLog(['p1-0']);
  itFires(
    lostWrite,
    [sent, { logs: [one] }],
    [sent, { logs: [two] }],
    /p1-1 was acknowledged \(acks=all, t-0 at 1, by broker 4 at 0\.000001 s\) and is gone/,
  );
  itFires(
    lostWrite,
    [[poll(0, [[0, 'p1-7']])], { logs: [two] }],
    [[poll(0, [[0, 'p1-0']])], { logs: [two] }],
    /p1-7 was read by q1/,
  );

  it('accepts that records with acks=1, acks=0 or an unknown outcome are not in the log', () => {
    const ops = [
      send(['p1-5'], { acks: 1, idempotent: false }),
      send(['p1-6'], { acks: 0, idempotent: false }),
      send(['p1-7'], { outcome: 'info' }),
    ];
    expect(judge(lostWrite, ops, { logs: [two] })).toBeUndefined();
  });

  it('does not print an offset or a broker that the client does not know', () => {
    const ack = send(['p1-1'], { ackedBy: undefined, endedUs: 2_500_000 });
    expect(judge(lostWrite, [ack], { logs: [one] })).toBe(
      'lost-write: p1-1 was acknowledged (acks=all, t-0, at 2.5 s) and is gone',
    );
  });

  it('excuses a lost record below the log start, and no record at or above it', () => {
    const logs = [{ ...finalLog([]), startOffset: 1 }];
    expect(judge(lostWrite, [send(['p1-0'], { baseOffset: 0 })], { logs })).toBeUndefined();
    expect(judge(lostWrite, [send(['p1-0', 'p1-1'], { baseOffset: 0 })], { logs })).toMatch(
      /^lost-write: p1-1/,
    );
    expect(judge(lostWrite, [send(['p1-1'], { baseOffset: 1 })], { logs })).toMatch(/^lost-write: p1-1/);
    expect(judge(lostWrite, [poll(0, [[0, 'p1-0']])], { logs })).toBeUndefined();
    expect(judge(lostWrite, [poll(1, [[1, 'p1-1']])], { logs })).toMatch(/^lost-write: p1-1 was read/);
  });

  it('does not excuse a lost record below the log start if the log committed another record at its offset', () => {
    const logs = [trimmed(finalLog(['p1-0', 'p2-0']), 2)];
    const found = (value: string) => judge(lostWrite, [send([value], { baseOffset: 1 })], { logs });
    expect(found('p2-0')).toBeUndefined();
    expect(found('p1-1')).toMatch(/^lost-write: p1-1 was acknowledged .* and is gone/);
    expect(judge(lostWrite, [send(['p1-1'])], { logs })).toMatch(/^lost-write: p1-1/);
    expect(judge(lostWrite, [poll(1, [[1, 'p2-0']])], { logs })).toBeUndefined();
    expect(judge(lostWrite, [poll(1, [[1, 'p1-1']])], { logs })).toMatch(/^lost-write: p1-1 was read/);
  });

  it('expects the records of a new topic, but none of the deleted topic of the same name', () => {
    const old = [send(['p1-0'], { topicId: OLD }), poll(0, [[0, 'p1-0']], { topicId: OLD })];
    const next = send(['p1-1'], { topicId: NEW });
    const kept = { logs: [logOf(NEW, ['p1-1'])], exempt: [OLD] };
    expect(judge(lostWrite, [...old, next], kept)).toBeUndefined();
    expect(judge(lostWrite, [...old, next], { ...kept, exempt: [] })).toMatch(/p1-0 was acknowledged/);
    expect(judge(lostWrite, [...old, next], { logs: [logOf(NEW, [])], exempt: [OLD] })).toMatch(
      /p1-1 was acknowledged/,
    );
  });

  it('finds a log by the name if the log or the send has no topic id', () => {
    expect(judge(lostWrite, [send(['p1-0'], { topicId: NEW })], { logs: [one] })).toBeUndefined();
    const logs = [logOf(NEW, ['p1-0'])];
    expect(judge(lostWrite, [send(['p1-0'])], { logs })).toBeUndefined();
  });

  it('excuses a record that a later record of its key replaces, and a tombstone', () => {
    const logs = [
      compacted(
        [
          ['k', 'p1-0'],
          ['k', 'p1-1'],
          ['x', 'p1-2', 'tombstone'],
        ],
        [1],
      ),
    ];
    const ops = [send(['p1-0', 'p1-1', 'p1-2'], { baseOffset: 0 }), poll(0, [[0, 'p1-0']])];
    expect(judge(lostWrite, ops, { logs })).toBeUndefined();
  });

  it('does not excuse a tombstone that must stay', () => {
    const log = compacted([['x', 'p1-0', 'tombstone']], []);
    const found = (mayDropTombstone: (offset: number) => boolean) => {
      const logs = [{ ...log, committed: { ...log.committed!, mayDropTombstone } }];
      return judge(lostWrite, [send(['p1-0'], { baseOffset: 0 })], { logs });
    };
    expect(found((offset) => offset === 0)).toBeUndefined();
    expect(found((offset) => offset !== 0)).toMatch(/^lost-write: p1-0/);
  });

  it('does not excuse the latest record of a key, or a record that was never committed', () => {
    const logs = [
      compacted(
        [
          ['k', 'p1-0'],
          ['k', 'p1-1'],
          ['x', 'p1-2'],
        ],
        [1],
      ),
    ];
    expect(judge(lostWrite, [send(['p1-2'], { baseOffset: 2 })], { logs })).toMatch(/^lost-write: p1-2/);
    expect(judge(lostWrite, [send(['p1-7'], { baseOffset: 0 })], { logs })).toMatch(/^lost-write: p1-7/);
  });
});
