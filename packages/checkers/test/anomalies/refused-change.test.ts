import { describe, expect, it } from 'vitest';
import { refusedChange } from '../../src/anomalies/refused-change.ts';
import type { AdminOp } from '../../src/history.ts';
import { judge } from '../support/histories.ts';

function admin(api: string, outcome: AdminOp['outcome'], error?: string, invokedUs = 10): AdminOp {
  const topic = { topic: 't', topicId: undefined };
  return { type: 'admin', client: 'a1', api, ...topic, invokedUs, endedUs: invokedUs + 5, outcome, error };
}

describe('refused-change', () => {
  it('finds a refused creation, also of an exempt topic', () => {
    const refused = admin('CreateTopics', 'fail', 'TOPIC_ALREADY_EXISTS');
    for (const exempt of [[], ['t']])
      expect(judge(refusedChange, [refused], { exempt })).toBe(
        'refused-change: a1 got TOPIC_ALREADY_EXISTS for its own CreateTopics of t',
      );
    const invalid = admin('CreateTopics', 'fail', 'INVALID_REPLICATION_FACTOR');
    expect(judge(refusedChange, [invalid])).toBeUndefined();
  });

  it('finds a refused deletion of a topic that was created before', () => {
    const created = admin('CreateTopics', 'ok', undefined, 0);
    const refused = admin('DeleteTopics', 'fail', 'UNKNOWN_TOPIC_OR_PARTITION');
    expect(judge(refusedChange, [created, refused])).toMatch(/for its own DeleteTopics of t/);
    expect(judge(refusedChange, [refused])).toBeUndefined();
  });

  it('accepts a refusal when another request may have made the change', () => {
    for (const outcome of ['ok', 'info'] as const) {
      const other = admin('CreateTopics', outcome, undefined, 12);
      const refused = admin('CreateTopics', 'fail', 'TOPIC_ALREADY_EXISTS');
      expect(judge(refusedChange, [refused, other])).toBeUndefined();
    }
  });
});
