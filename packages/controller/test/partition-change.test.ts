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

interface Situation {
  isr: number[];
  active: number[];
  leader: number;
  leaving: number | undefined;
  uncleanElection: boolean;
}

function checkOne({ isr, active, leader, leaving, uncleanElection }: Situation): void {
  const partition = { replicas: BROKERS, isr, leader, leaderEpoch: 0, partitionEpoch: 0 };
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
