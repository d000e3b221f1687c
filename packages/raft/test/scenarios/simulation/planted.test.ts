/**
 * Goal: the simulation's checker finds bugs. Method: the test plants each bug in every node of the simulated
 * cluster. At least one of 300 seeds must fail. The first two tests also check the message. A vote that
 * leaves before it is durable does harm only after a rare collision, so election.test.ts and quorum.test.ts
 * test that bug instead.
 */

import { InvariantError } from '@millrace/base';
import { expect, test } from 'vitest';
import type { RaftEffect, RaftNode, StorageWrite } from '../../../src/index.ts';
import { Violation } from '../../support/simulation/checker.ts';
import { optionsOf, run } from '../../support/simulation/run.ts';
import type { WorldOptions } from '../../support/simulation/world.ts';

type Sabotage = (effects: RaftEffect[], node: RaftNode) => RaftEffect[];

function findsWith(sabotage: Sabotage, options: Partial<WorldOptions> = {}): string {
  for (let seed = 1; seed <= 300; seed++) {
    try {
      run({ ...optionsOf(seed), voters: 3, ...options, sabotage });
    } catch (error) {
      if (!(error instanceof Violation || error instanceof InvariantError)) throw error;
      return error.message.split('\n')[0]!.replace(/^seed \d+, \d+ ms: /, '');
    }
  }
  return 'nothing found';
}

test('the leader counts its own records before they are durable', () => {
  const found = findsWith((effects, node) => {
    node.log.durableEnd = node.log.endOffset;
    return effects;
  });
  expect(found).toMatch(/without a durable majority/);
});

test('a voter votes for a log that lacks records', () => {
  const found = findsWith((effects, node) =>
    effects.map((effect) => {
      const isVote = effect.type === 'reply' && effect.response.type === 'vote';
      if (!isVote || node.role === 'leader' || effect.response.type !== 'vote') return effect;
      return { ...effect, response: { ...effect.response, errorCode: 0, granted: true } };
    }),
  );
  expect(found).toMatch(/has leaders|lacks|differs from the first commit|log matching/);
});

test('a leader commits records of an older epoch by counting replicas', () => {
  const found = findsWith((effects, node) => {
    if (node.leading !== undefined) Object.assign(node.leading, { activeFrom: 0 });
    return effects;
  });
  expect(found).not.toBe('nothing found');
});

test('a follower does not truncate its diverging log on disk', () => {
  const found = findsWith((effects) =>
    effects.map((effect) =>
      effect.type === 'persist'
        ? { ...effect, writes: effect.writes.filter((write) => write.type !== 'truncate') }
        : effect,
    ),
  );
  expect(found).not.toBe('nothing found');
});

/** Replaces the writes of a node. */
const writing =
  (change: (write: StorageWrite, node: RaftNode) => readonly StorageWrite[]): Sabotage =>
  (effects, node) =>
    effects.map((effect) =>
      effect.type === 'persist'
        ? { ...effect, writes: effect.writes.flatMap((write) => change(write, node)) }
        : effect,
    );

test('a node shortens the log before the snapshot is durable', () => {
  const found = findsWith(
    writing((write) =>
      write.type === 'publishSnapshot' ? [{ type: 'trim', start: write.manifest.id }] : [write],
    ),
    { snapshotBytes: 20 },
  );
  expect(found).toMatch(/cannot start: .*(are missing|no intact snapshot)/);
});

test('a follower publishes a leader’s snapshot, but keeps its old log', () => {
  const found = findsWith(
    writing((write) =>
      write.type === 'installSnapshot' ? [{ ...write, type: 'publishSnapshot' }] : [write],
    ),
    { snapshotBytes: 20 },
  );
  expect(found).not.toBe('nothing found');
});

test('a follower loses a part of a leader’s snapshot', () => {
  const found = findsWith(
    writing((write) => (write.type === 'snapshotPart' && write.part === 2 ? [] : [write])),
    { snapshotBytes: 20 },
  );
  expect(found).toMatch(/cannot start: /);
});
