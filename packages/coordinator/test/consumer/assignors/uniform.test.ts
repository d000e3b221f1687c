import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignUniform } from '../../../src/consumer/assignors/uniform.ts';
import {
  counts,
  everyTopic,
  faults,
  input,
  load,
  mixedGroup,
  moves,
  owners,
  topicId,
} from '../../support/assignments.ts';

const members = fc.integer({ min: 1, max: 9 });

function equalGroup(list: readonly number[], size: number) {
  return Array.from({ length: size }, () => everyTopic(list));
}

describe('members with equal subscriptions', () => {
  it('share all partitions, so that the partition counts of the members differ by at most one', () => {
    fc.assert(
      fc.property(counts, members, (list, size) => {
        const group = input(list, equalGroup(list, size));
        const target = assignUniform(group);
        expect(faults(group, target)).toEqual([]);
        const loads = group.members.map(({ memberId }) => load(target, memberId));
        expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('share all partitions, even if a member had partitions that do not exist', () => {
    const before = new Map([['m0', new Map([[topicId(0), [-3, -2, -1, 9]]])]]);
    const group = input([4], equalGroup([4], 2), before);
    const target = assignUniform(group);
    expect(faults(group, target)).toEqual([]);
    expect([load(target, 'm0'), load(target, 'm1')]).toEqual([2, 2]);
  });

  it('give up only the partitions that a new member gets', () => {
    fc.assert(
      fc.property(counts, members, (list, size) => {
        const before = assignUniform(input(list, equalGroup(list, size)));
        const after = assignUniform(input(list, equalGroup(list, size + 1), before));
        expect(moves(before, after)).toBe(load(after, `m${size}`));
      }),
    );
  });

  it('take over only the partitions of a member that left', () => {
    fc.assert(
      fc.property(counts, members, (list, size) => {
        const before = assignUniform(input(list, equalGroup(list, size + 1)));
        const after = assignUniform(input(list, equalGroup(list, size), before));
        expect(moves(before, after)).toBe(load(before, `m${size}`));
      }),
    );
  });

  it('keep everything if nothing changes', () => {
    fc.assert(
      fc.property(counts, members, (list, size) => {
        const before = assignUniform(input(list, equalGroup(list, size)));
        expect(owners(assignUniform(input(list, equalGroup(list, size), before)))).toEqual(owners(before));
      }),
    );
  });

  it('keep what they have if a topic grows', () => {
    const before = assignUniform(input([4], equalGroup([4], 2)));
    const after = assignUniform(input([7], equalGroup([7], 2), before));
    expect(moves(before, after)).toBe(0);
    expect(load(after, 'm0') + load(after, 'm1')).toBe(7);
  });

  it('give a new member its part of each topic', () => {
    const before = assignUniform(input([6, 6], equalGroup([6, 6], 1)));
    const after = assignUniform(input([6, 6], equalGroup([6, 6], 2), before));
    expect(after.get('m1')?.get(topicId(0))).toHaveLength(3);
    expect(after.get('m1')?.get(topicId(1))).toHaveLength(3);
  });

  it('lose the partitions of deleted topics', () => {
    const before = assignUniform(input([4, 4], equalGroup([4, 4], 2)));
    const after = assignUniform(input([2], equalGroup([2], 2), before));
    expect(owners(after)).toHaveLength(2);
  });
});

describe('members with different subscriptions', () => {
  it('share the partitions of their topics, so that each partition has one member', () => {
    fc.assert(
      fc.property(mixedGroup, ({ counts: list, subscriptions }) => {
        const group = input(list, subscriptions);
        expect(faults(group, assignUniform(group))).toEqual([]);
      }),
    );
  });

  it('leave no partition of a topic with a member that has two partitions more than another subscriber', () => {
    fc.assert(
      fc.property(mixedGroup, mixedGroup, (group, other) => {
        const current = assignUniform(input(other.counts, other.subscriptions));
        const spec = input(group.counts, group.subscriptions, current);
        const target = assignUniform(spec);
        for (const [topic] of spec.partitionCounts) {
          const subscribers = spec.members.filter(({ topics }) => topics.has(topic));
          const least = Math.min(...subscribers.map(({ memberId }) => load(target, memberId)));
          for (const { memberId } of subscribers)
            if (target.get(memberId)?.has(topic))
              expect(load(target, memberId) - least).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  it('keep everything if nothing changes', () => {
    fc.assert(
      fc.property(mixedGroup, ({ counts: list, subscriptions }) => {
        const before = assignUniform(input(list, subscriptions));
        expect(owners(assignUniform(input(list, subscriptions, before)))).toEqual(owners(before));
      }),
    );
  });

  it('get equally many partitions if the subscriptions allow it', () => {
    const target = assignUniform(input([4, 4], [[0], [0, 1]]));
    expect([load(target, 'm0'), load(target, 'm1')]).toEqual([4, 4]);
  });
});

it('does not depend on the order of the members', () => {
  fc.assert(
    fc.property(mixedGroup, ({ counts: list, subscriptions }) => {
      const group = input(list, subscriptions);
      const reversed = { ...group, members: [...group.members].reverse() };
      expect(owners(assignUniform(reversed))).toEqual(owners(assignUniform(group)));
    }),
  );
});

it('assigns nothing to a group without members', () => {
  expect(assignUniform(input([3], [])).size).toBe(0);
});

describe('an assignment of 1,000 partitions to 100 members', () => {
  const list = Array.from({ length: 20 }, () => 50);

  it('takes less than 50 ms with equal subscriptions', () => {
    const before = assignUniform(input(list, equalGroup(list, 100)));
    expect(fastest(() => assignUniform(input(list, equalGroup(list, 99), before)))).toBeLessThan(50);
  });

  it('takes less than 100 ms with different subscriptions', () => {
    const subscriptions = Array.from({ length: 100 }, (_, member) =>
      everyTopic(list).filter((topic) => (topic + member) % 3 !== 0),
    );
    const before = assignUniform(input(list, subscriptions));
    expect(fastest(() => assignUniform(input(list, subscriptions.slice(1), before)))).toBeLessThan(100);
  });
});

function fastest(run: () => void): number {
  let best = Infinity;
  for (let i = 0; i < 10; i++) {
    const start = performance.now();
    run();
    best = Math.min(best, performance.now() - start);
  }
  if (process.env['SHOW_TIMES'] !== undefined) console.log(`${best.toFixed(1)} ms`);
  return best;
}
