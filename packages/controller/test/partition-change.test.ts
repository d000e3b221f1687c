/** Goal: the four rules at the head of partition-change.ts. Method: every small situation there is, against the rules said anew. */
import { describe, expect, test } from 'vitest';
import { nextState } from '../src/index.ts';

const BROKERS = [1, 2, 3];

function subsets(of: readonly number[]): number[][] {
  return of.reduce<number[][]>((all, id) => all.concat(all.map((each) => [...each, id])), [[]]);
}

describe('the next state of a partition', () => {
  test('obeys the rules in every situation of three replicas', () => {
    let situations = 0;
    for (const isr of subsets(BROKERS).filter((each) => each.length > 0)) {
      for (const active of subsets(BROKERS)) {
        for (const leader of [-1, ...isr]) {
          for (const leaving of [undefined, 1, 2]) {
            for (const uncleanElection of [false, true]) {
              situations++;
              checkOne({ isr, active, leader, leaving, uncleanElection });
            }
          }
        }
      }
    }
    expect(situations).toBe(7 * 8 * 3 * 2 + 12 * 8 * 3 * 2);
  });
});

describe('when the last member of an ISR comes back with an empty disk', () => {
  const lost = (formerIsr: number[], active: number[]) =>
    nextState({
      partition: { replicas: BROKERS, isr: [3], formerIsr, leader: -1, leaderEpoch: 5, partitionEpoch: 9 },
      isActive: (id) => active.includes(id),
      leaving: 3,
      leavesEmpty: true,
      uncleanElection: false,
    });

  test('who left the ISR last leads, not the first replica that is there', () => {
    expect(lost([2], [1, 2])).toEqual({ isr: [2], leader: 2 });
  });

  test('the partition waits for it while it is away', () => {
    expect(lost([2], [1])).toEqual({ isr: [2], leader: -1 });
  });

  test('any other replica will do if none ever left', () => {
    expect(lost([], [2])).toEqual({ isr: [2], leader: 2 });
  });
});

interface Situation {
  isr: number[];
  active: number[];
  leader: number;
  leaving: number | undefined;
  uncleanElection: boolean;
}

function checkOne({ isr, active, leader, leaving, uncleanElection }: Situation): void {
  const partition = { replicas: BROKERS, isr, formerIsr: [], leader, leaderEpoch: 0, partitionEpoch: 0 };
  const isActive = (id: number) => active.includes(id);
  const next = nextState({ partition, isActive, leaving, uncleanElection });
  expect(next.isr.length).toBeGreaterThan(0);
  const trusted = isr.filter((id) => id !== leaving);
  const eligible = (trusted.length > 0 ? trusted : isr).filter(isActive);
  if (eligible.length > 0) {
    // Somebody in sync can lead: exactly those who can are in sync, and a leader that can go on does.
    expect(next.isr).toEqual(eligible);
    expect(next.leader).toBe(eligible.includes(leader) ? leader : eligible[0]);
  } else if (uncleanElection && active.length > 0) {
    expect(next).toEqual({ isr: [active[0]], leader: active[0] });
  } else {
    // Nobody can: those who hold the data are kept in mind.
    expect(next).toEqual({ isr: trusted.length > 0 ? trusted : isr, leader: -1 });
  }
}
