/** Goal: the text of a run is readable. */

import type { Op } from '@millrace/checkers';
import { expect, test } from 'vitest';
import { planOf, type RunReport, scenarioOf, storyLines } from '../../src/index.ts';
import { clientLines } from '../../src/report/client-lines.ts';
import type { StoryLine } from '../../src/world/index.ts';

const plan = planOf(1);
const scenario = scenarioOf(plan);

function told(
  lines: [atUs: number, who: string, event: string, facts?: StoryLine['facts']][],
  verbose = false,
) {
  const story = { lines: lines.map(([atUs, who, event, facts]) => ({ atUs, who, event, facts })) };
  const report = {
    ...{ story, scenario, history: { ops: [] }, plan, virtualUs: 9_000_000 },
    ...{ checker: 'lost-write', sentence: 'p1-7 is gone' },
  };
  return storyLines(report as unknown as RunReport, { verbose }).slice(1);
}

test('the story has events in words, nodes by name, and the violation last', () => {
  const partition = { topic: 'events-1', partition: 0, leaderEpoch: 3 };
  expect(
    told([
      [0, 'c1', 'process-started', { life: 1 }],
      [0, 'b4', 'process-started', { life: 2 }],
      [1_000_000, 'b4', 'process-ended', { death: 'power' }],
      [1_000_000, 'world', 'fault 3: power-loss', { what: 'b4' }],
      [1_200_000, 'c1', 'broker-fenced', { brokerId: 4, brokerEpoch: 9 }],
      [1_300_000, 'b5', 'isr-changed', { ...partition, from: [5, 4], to: [5], startOffset: 2 }],
      [
        1_300_000,
        'b5',
        'isr-changed',
        { ...partition, partition: 1, leaderEpoch: 8, from: [5, 4], to: [5], startOffset: 2 },
      ],
      [1_400_000, 'b4', 'replica-truncated', { ...partition, from: 10, to: 7, reason: 'diverged' }],
      [
        1_410_000,
        'b5',
        'became-leader',
        { ...partition, leader: 5, isr: [5, 4], endOffset: 9, highWatermark: 7 },
      ],
      [1_420_000, 'c1', 'broker-registered', { brokerId: 4, brokerEpoch: 9, incarnationId: 'i' }],
      [1_430_000, 'b4', 'broker-registered', { brokerEpoch: 9 }],
      [1_440_000, 'c1', 'leader-elected', { epoch: 2, leaderId: 1, logEndOffset: 8 }],
      [
        1_450_000,
        'b4',
        'log-cut',
        { topic: 'e', partition: 1, directory: 'd', endOffset: 3, bytesLost: 9, reason: 'r' },
      ],
      [1_460_000, 'c1', 'partitions-without-leader', { partitions: 2 }],
      [1_500_000, 'b4', 'something-new', { reason: 'who knows', count: 3 }],
      [9_000_000, 'world', 'violated', { checker: 'lost-write', sentence: 'p1-7 is gone' }],
    ]),
  ).toEqual([
    '  0.000  c1    starts',
    '  0.000  b4    starts again (life 2)',
    '  1.000  world *** fault 3: power-loss: b4',
    '  1.000  b4    loses power',
    '  1.200  c1    FENCES b4',
    '  1.300  b5    changes the ISR of events-1-0, events-1-1: b5 b4 → b5',
    '  1.400  b4    TRUNCATES events-1-0 from end offset 10 to end offset 7 (epoch 3): diverged',
    '  1.410  b5    leads events-1-0 in epoch 3 from offset 9 with the ISR b5 b4 (highWatermark=7)',
    '  1.420  c1    registers b4 (broker epoch 9)',
    '  1.440  c1    leads the quorum in epoch 2',
    '  1.450  b4    recovers e-1 up to 3, and cuts off 9 bytes after it: r',
    '  1.460  c1    leaves 2 partitions with NO LEADER',
    '  1.500  b4    something-new reason="who knows" count=3',
    '  9.000  world !!! lost-write: p1-7 is gone',
  ]);
});

test('the story leaves out noise and repetitions, unless it is verbose', () => {
  const lines: Parameters<typeof told>[0] = [
    [0, 'b4', 'connection-closed', { reason: 'idle' }],
    [0, 'b4', 'process-asked-to-stop'],
    [1_000_000, 'b4', 'process-asked-to-stop'],
    [8_000_000, 'b4', 'process-asked-to-stop'],
  ];
  expect(told(lines).slice(0, -1)).toEqual([
    '  0.000  b4    is asked to stop',
    '  8.000  b4    is asked to stop',
  ]);
  expect(told(lines, true)).toHaveLength(5);
});

test('the story sums up the clients for each second', () => {
  const send = { type: 'send', client: 'p1', topic: 'e', partition: 0, values: ['a', 'b'] };
  const ops = [
    { ...send, endedUs: 100_000, outcome: 'ok', baseOffset: 4 },
    { ...send, endedUs: 200_000, outcome: 'ok', baseOffset: 6 },
    { ...send, endedUs: 300_000, outcome: 'info', error: 'delivery time-out' },
    { type: 'poll', client: 'q1', topic: 'e', partition: 0, endedUs: 900_000, records: [{ offset: 7 }] },
    { type: 'admin', client: 'a1', api: 'CreateTopics', topic: 'f', endedUs: 1_500_000, outcome: 'ok' },
    { ...send, endedUs: 1_600_000, outcome: 'fail', error: 'MESSAGE_TOO_LARGE' },
  ] as unknown as Op[];
  expect(clientLines(ops, 1_700_000)).toEqual([
    {
      atUs: 999_999,
      who: 'all',
      text: 'p1: 4 acked 2 unknown (delivery time-out), e-0 up to 7; q1: 1 read, e-0 up to 7',
    },
    { atUs: 1_500_000, who: 'a1', text: 'CreateTopics f: ok' },
    { atUs: 1_700_000, who: 'all', text: 'p1: 2 records without success (MESSAGE_TOO_LARGE)' },
  ]);
});

test('the story has one line for the failures of a client that gets the same error for several seconds', () => {
  const send = { type: 'send', client: 'p1', topic: 'e', partition: 0, values: ['a', 'b'] };
  const failed = { ...send, outcome: 'info', error: 'delivery time-out' };
  const ops = [
    { ...failed, endedUs: 100_000 },
    { ...failed, endedUs: 1_100_000 },
    { ...failed, endedUs: 2_100_000 },
    { ...send, endedUs: 3_200_000, outcome: 'ok', baseOffset: 4 },
  ] as unknown as Op[];
  expect(clientLines(ops, 4_000_000).map(({ text }) => text)).toEqual([
    'p1: 6 records without success for 3 s (delivery time-out)',
    'p1: 2 acked, e-0 up to 5',
  ]);
});

test('the story counts the repetitions of a line', () => {
  const lines = [0, 1, 2, 3].map((second): Parameters<typeof told>[0][number] => [
    second * 1_000_000,
    'b4',
    'process-asked-to-stop',
  ]);
  expect(told(lines)[0]).toBe('  0.000  b4    is asked to stop (4 times in 3.0 s)');
});

test('an ISR change names the log end offset of the replica that joins, and where the leader epoch began', () => {
  const facts = { topic: 'e', partition: 0, leaderEpoch: 3, from: [5], to: [5, 4], startOffset: 40 };
  expect(told([[0, 'b5', 'isr-changed', { ...facts, joinedAt: 38 }]])[0]).toBe(
    '  0.000  b5    changes the ISR of e-0: b5 → b5 4 (joins with its log up to 38; epoch 3 began at 40)',
  );
});

test('an arrow marks the line at which the violation began', () => {
  const at = { topic: 'events-1', partition: 0, reason: 'diverged' };
  const lines = [
    [1_000_000, 'b4', 'replica-truncated', { ...at, leaderEpoch: 1, from: 9, to: 7 }],
    [2_000_000, 'b4', 'replica-truncated', { ...at, leaderEpoch: 2, from: 12, to: 10 }],
    [3_000_000, 'b5', 'replica-truncated', { ...at, leaderEpoch: 2, from: 14, to: 8 }],
    [4_000_000, 'b6', 'replica-truncated', { ...at, leaderEpoch: 3, from: 14, to: 8 }],
  ].map(([atUs, who, event, facts]) => ({ atUs, who, event, facts }));
  const report = {
    ...{ story: { lines }, scenario, history: { ops: [] }, plan, virtualUs: 9_000_000 },
    checker: 'lost-write',
    sentence: 'p1-7 was acknowledged (acks=all, events-1-0 at 11, by broker 4 at 1.500000 s) and is gone',
  };
  const marked = storyLines(report as unknown as RunReport).filter((line) => line[8] === '→');
  expect(marked).toEqual([
    '  2.000 →b4    TRUNCATES events-1-0 from end offset 12 to end offset 10 (epoch 2): diverged',
  ]);
});
