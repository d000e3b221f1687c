import { describe, expect, it } from 'vitest';
import { inconsistentOffsets } from '../../src/anomalies/inconsistent-offsets.ts';
import {
  finalLog,
  itFires,
  judge,
  logOf,
  NEW,
  OLD,
  poll,
  two,
  withoutBatches,
} from '../support/histories.ts';

describe('inconsistent-offsets', () => {
  itFires(
    inconsistentOffsets,
    [[poll(0, [[0, 'p1-0']]), poll(0, [[0, 'p2-0']], { client: 'q2' })]],
    [[poll(0, [[0, 'p1-0']]), poll(0, [[0, 'p1-0']], { client: 'q2' })], { logs: [two] }],
    /at 0 of t-0 q2 has p2-0/,
  );
  itFires(
    inconsistentOffsets,
    [[poll(0, [[1, 'p1-0']])], { logs: [two] }],
    [[poll(0, [[1, 'p1-1']])], { logs: [two] }],
    /the log has p1-1/,
  );
  // The checker compares leader epochs only if both clients know them.
  const later = finalLog(['p1-0'], () => ({ leaderEpoch: 2 }));
  itFires(
    inconsistentOffsets,
    [[poll(0, [[0, 'p1-0']])], { logs: [later] }],
    [[poll(0, [[0, 'p1-0']])], { logs: [withoutBatches(later)] }],
    /has p1-0 \(leader epoch 2\), and q1 had p1-0 \(leader epoch 0\)/,
  );
  // A read without a leader epoch comes first. The checker still compares the epochs of the later reads.
  const unknown = poll(0, [[0, 'p1-0']], { records: [{ offset: 0, value: 'p1-0', leaderEpoch: undefined }] });
  const known = poll(0, [[0, 'p1-0']], { client: 'q2' });
  itFires(
    inconsistentOffsets,
    [[unknown, known], { logs: [later] }],
    [[unknown, known], { logs: [finalLog(['p1-0'])] }],
    /the log has p1-0 \(leader epoch 2\), and q2 had p1-0 \(leader epoch 0\)/,
  );

  it('accepts different records at the same offset of two topics with the same name', () => {
    const old = poll(0, [[0, 'p1-0']], { topicId: OLD });
    const reads = [old, poll(0, [[0, 'p2-0']], { topicId: NEW })];
    expect(judge(inconsistentOffsets, reads, { logs: [logOf(NEW, ['p2-0'])] })).toBeUndefined();
    expect(judge(inconsistentOffsets, reads, { logs: [logOf(NEW, ['p1-0'])] })).toMatch(/the log has p1-0/);
  });
});
