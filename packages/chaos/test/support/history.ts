/** A hand-made history of a short run, for the tests of the report. */
import type { SendOp } from '@millrace/checkers';
import type { HistoryLine, RunFact, Verdict } from '../../src/types.ts';

export const RUN: RunFact = {
  format: 1,
  scenario: 'mine',
  sentence: 'Kills <b>leaders</b>.',
  seed: 7,
  target: 'Millrace',
  startedAt: '2026-12-01T15:00:00.000Z',
  command: 'npx millrace chaos run --scenario mine --seed 7',
  clients: [
    { name: 'writer-1', library: 'millrace', role: 'writer', topic: 'orders', acks: -1, idempotent: true },
    { name: 'reader-1', library: 'millrace', role: 'reader', topic: 'orders' },
  ],
  allowances: [],
};

export const GOOD: Verdict = { isGood: true, sentence: 'No promise was broken.', anomalies: [], counts: {} };

export function send(
  number: number,
  invokedUs: number,
  endedUs: number,
  more: Partial<SendOp> = {},
): HistoryLine {
  const op: SendOp = {
    type: 'send',
    client: 'writer-1',
    topic: 'orders',
    topicId: undefined,
    partition: 0,
    mayStray: false,
    values: [`writer-1-${number}`],
    acks: -1,
    idempotent: true,
    invokedUs,
    endedUs,
    outcome: 'ok',
    baseOffset: number,
    error: undefined,
    ackedBy: 4,
    ...more,
  };
  return { line: 'op', op };
}

/** A run of three seconds: a fault from 1.0 to 1.5 s, and no acknowledgement from 0.9 to 1.7 s. */
export function shortRun(): HistoryLine[] {
  const nodes = [{ id: 4, state: 'running' as const }];
  const partitions = [{ topic: 'orders', partition: 0, leader: 4, leaderEpoch: 0, isr: [4, 5] }];
  return [
    { line: 'run', ...RUN },
    { line: 'sample', atUs: 10_000, activeController: 1, partitions, nodes },
    send(0, 490_000, 500_000),
    send(1, 890_000, 900_000),
    {
      line: 'fault-begins',
      id: 1,
      kind: 'crash-leader',
      sentence: 'kill -9 of 4',
      nodes: [4],
      fromUs: 1_000_000,
    },
    { line: 'fault-ends', id: 1, toUs: 1_500_000 },
    send(2, 900_000, 1_700_000),
    send(3, 1_690_000, 1_710_000),
    send(4, 1_800_000, 2_200_000, { outcome: 'info', baseOffset: undefined, error: 'disconnected' }),
    {
      line: 'op',
      op: {
        type: 'poll',
        client: 'reader-1',
        topic: 'orders',
        topicId: undefined,
        partition: 0,
        fetchOffset: 0,
        records: [{ offset: 0, value: 'writer-1-0', leaderEpoch: 0 }],
        highWatermark: 4,
        brokerId: 4,
        endedUs: 2_300_000,
      },
    },
    { line: 'end', atUs: 3_000_000, isComplete: true, note: '' },
  ];
}

export async function* asLines(lines: readonly HistoryLine[]): AsyncGenerator<HistoryLine> {
  yield* lines;
}
