/**
 * Goal: the fault keeps a broker away while its topic is deleted and created again, whether the broker
 * stopped, died or lost power.
 */
import { compressionCodecs } from '@millrace/protocol/io';
import { expect, test } from 'vitest';
import { PLAN_FORMAT, type Plan } from '../../../src/plan/index.ts';
import { simulate } from '../../../src/run/index.ts';

function planWith(how: string, partitions: number): Plan {
  // The controllers place no replica on a broker that was stopped.
  const replicationFactor = how === 'stop' ? 2 : 3;
  const choices = { place: 0, member: 1, loser: 0 };
  const parameters = { ...choices, how, partitions, returnMs: 50, powerLossMs: 0 };
  const settings = { 'auto.create.topics.enable': 'false' };
  return {
    format: PLAN_FORMAT,
    seed: 5,
    overrides: {
      cluster: { controllers: 1, brokers: 3, combined: false, settings },
      topics: [
        { name: 'events-1', partitions: 1, replicationFactor, configs: { 'min.insync.replicas': '1' } },
      ],
      faultsFromTheStart: false,
    },
    incidents: [
      {
        quietMs: 6_000,
        lastsMs: 6_000,
        faults: [{ id: 1, kind: 'reused-name', atMs: 0, parameters }],
      },
    ],
  };
}

test.each([
  ['stop', 0, 'ended'],
  ['kill', 3, 'process'],
  ['power', 0, 'power'],
] as const)('%s', (how, partitions, death) => {
  const { verdict, sentence, struck, story, history } = simulate({
    plan: planWith(how, partitions),
    codecs: compressionCodecs,
  });
  expect([verdict, sentence]).toEqual(['passed', undefined]);
  const [, member] = /^(b\d) \(\w+\) holds events-1$/.exec(struck[0]!.text)!;
  const lines = story.lines.filter(({ atUs }) => atUs >= struck[0]!.atUs);
  const told = lines
    .filter(({ who, event, facts = {} }) =>
      event.startsWith('process-')
        ? who === member
        : event.startsWith('topic-') && facts['topic'] === 'events-1',
    )
    .map(({ event, facts = {} }) => [event, facts['death'] ?? facts['partitions'] ?? ''].join(' ').trim());
  expect(told.filter((line) => line !== 'process-asked-to-stop')).toEqual([
    `process-ended ${death}`,
    'topic-deleted',
    `topic-created ${partitions === 0 ? 1 : partitions}`,
    'process-started',
  ]);
  // Clients write to both topics, and read both.
  for (const type of ['send', 'poll'] as const) {
    const ids = history.ops.flatMap((op) =>
      op.type === type && op.topicId !== undefined ? [op.topicId] : [],
    );
    expect(new Set(ids).size).toBe(2);
  }
});
