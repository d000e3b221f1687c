/** Lines for the tests of histories. */
import type { PollOp, SendOp } from '@millrace/checkers';
import type { HistoryLine, RunFact } from '../../src/types.ts';

export function runLine(fields: Partial<RunFact> = {}): HistoryLine {
  return {
    line: 'run',
    format: 1,
    scenario: 'leader-failover',
    sentence: 'kills leaders',
    seed: 1,
    target: 'Millrace',
    startedAt: '2026-12-01T00:00:00.000Z',
    command: 'millrace chaos run',
    clients: [],
    allowances: [],
    ...fields,
  };
}

export function endLine(atUs = 1_000_000): HistoryLine {
  return { line: 'end', atUs, isComplete: true, note: '' };
}

export function sendOp(values: readonly string[], fields: Partial<SendOp> = {}): SendOp {
  return {
    type: 'send',
    client: 'w1',
    topic: 'orders',
    topicId: undefined,
    partition: 0,
    mayStray: false,
    values,
    acks: -1,
    idempotent: true,
    invokedUs: 1,
    endedUs: 2,
    outcome: 'ok',
    baseOffset: 0,
    error: undefined,
    ackedBy: 4,
    ...fields,
  };
}

/** A reader gets these values at offsets from `fetchOffset` on. */
export function pollOp(values: readonly string[], fields: Partial<PollOp> = {}): PollOp {
  const fetchOffset = fields.fetchOffset ?? 0;
  return {
    type: 'poll',
    client: 'r1',
    topic: 'orders',
    topicId: undefined,
    partition: 0,
    fetchOffset,
    records: values.map((value, index) => ({ offset: fetchOffset + index, value, leaderEpoch: 1 })),
    highWatermark: fetchOffset + values.length,
    brokerId: 4,
    endedUs: 3,
    ...fields,
  };
}

export function finalLine(values: readonly string[], partition = 0, from = 0): HistoryLine {
  return {
    line: 'final',
    topic: 'orders',
    partition,
    records: values.map((value, index) => ({ offset: from + index, value, leaderEpoch: 1 })),
  };
}
