import type { Group } from '@millrace/coordinator';
import { expect, it } from 'vitest';
import { GroupWalk, groupVisitor } from '../../../src/checkers/groups/walk.ts';
import type { SimNode } from '../../../src/cluster/index.ts';

/** A node with one shard, which has these groups. */
function nodeWith(groups: readonly Group[]): SimNode {
  const led = { topic: 'o', topicId: 'o', index: 0, leaderEpoch: 1 };
  const machine = { all: groups.map((group) => [group.groupId, group]) };
  const broker = { groups: { runtime: { partitions: [{ led, machine }] } } };
  return { roles: { broker } } as unknown as SimNode;
}

it('shows each write of a group once to every checker of the run', () => {
  const groups = new GroupWalk();
  const seen: string[] = [];
  const checkers = ['first', 'second'].map((name) =>
    groupVisitor({ groups }, (_node, { groupId, lastWrite }) => seen.push(`${name} ${groupId}@${lastWrite}`)),
  );
  expect(checkers).toEqual([{}, {}]);
  const group = { groupId: 'g', lastWrite: 1 } as { -readonly [K in keyof Group]: Group[K] };
  const node = nodeWith([group as Group]);
  groups.turn(node);
  groups.turn(node);
  expect(seen).toEqual(['first g@1', 'second g@1']);
  group.lastWrite = 2;
  groups.turn(node);
  expect(seen.slice(2)).toEqual(['first g@2', 'second g@2']);
});

it('shows no group of a partition with stale keys', () => {
  const node = nodeWith([{ groupId: 'g', lastWrite: 1 } as Group]);
  for (const stale of ['o-0', 'o-1']) {
    const groups = new GroupWalk((topicId, index) => `${topicId}-${index}` === stale);
    let visits = 0;
    groupVisitor({ groups }, () => visits++);
    groups.turn(node);
    expect(visits).toBe(stale === 'o-0' ? 0 : 1);
  }
});

it('shows a group to the checkers of a run, even if an earlier run has shown it', () => {
  const group = { groupId: 'g', lastWrite: 1 } as Group;
  const node = nodeWith([group]);
  let visits = 0;
  for (const groups of [new GroupWalk(), new GroupWalk()]) {
    groupVisitor({ groups }, () => visits++);
    groups.turn(node);
  }
  expect(visits).toBe(2);
});
