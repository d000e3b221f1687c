/**
 * Goal: the next state of a partition obeys the rules at the top of partition-change.ts. Method: the test
 * compares thousands of situations of three replicas with a second implementation of the rules. Single cases
 * test the empty disk.
 */
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
              for (const elr of subsets(BROKERS.filter((id) => !isr.includes(id)))) {
                for (const minInsyncReplicas of [1, 2, 5]) {
                  situations++;
                  checkOne({ isr, elr, active, leader, leaving, uncleanElection, minInsyncReplicas });
                }
              }
            }
          }
        }
      }
    }
    // ISRs of size 1, 2 and 3: each term is the number of ISRs x leaders x ELRs.
    expect(situations).toBe((3 * 2 * 4 + 3 * 3 * 2 + 1 * 4 * 1) * 8 * 3 * 2 * 3);
  });
});

describe('when the last member of an ISR comes back with an empty disk', () => {
  const lost = (formerIsr: number[], active: number[], failed: number[] = []) =>
    nextState({
      partition: {
        replicas: BROKERS,
        isr: [3],
        elr: [],
        formerIsr,
        failedReplicas: [],
        lastKnownLeader: -1,
        leader: -1,
        leaderEpoch: 5,
        partitionEpoch: 9,
      },
      isActive: (id) => active.includes(id),
      isFailed: (id) => failed.includes(id),
      leaving: 3,
      leavesEmpty: true,
      uncleanElection: false,
      minInsyncReplicas: () => 1,
    });

  test('the replica that left the ISR last leads, not the first active one', () => {
    expect(lost([2], [1, 2])).toMatchObject({ isr: [2], leader: 2 });
  });

  test('the partition waits while that replica is away', () => {
    expect(lost([2], [1])).toMatchObject({ isr: [2], leader: -1 });
  });

  test('any other replica leads if none ever left the ISR', () => {
    expect(lost([], [2])).toMatchObject({ isr: [2], leader: 2 });
  });

  test('a replica whose storage failed leads, in name only, if no other replica has as many records', () => {
    expect(lost([], [1, 2], [1])).toMatchObject({ isr: [2], leader: 2 });
    expect(lost([1, 2], [1, 2], [1])).toMatchObject({ isr: [2], leader: 2 });
    expect(lost([1], [1, 2], [1])).toMatchObject({ isr: [1], leader: 1 });
  });
});

interface Situation {
  isr: number[];
  elr: number[];
  active: number[];
  leader: number;
  leaving: number | undefined;
  uncleanElection: boolean;
  minInsyncReplicas: number;
}

function checkOne({ active, leaving, uncleanElection, minInsyncReplicas, ...before }: Situation): void {
  const partition = {
    replicas: BROKERS,
    formerIsr: [],
    failedReplicas: [],
    lastKnownLeader: -1,
    leaderEpoch: 0,
    partitionEpoch: 0,
    ...before,
  };
  const isActive = (id: number) => active.includes(id);
  const isFailed = () => false;
  const next = nextState({
    partition,
    isActive,
    isFailed,
    leaving,
    uncleanElection,
    minInsyncReplicas: () => minInsyncReplicas,
  });
  const isr = before.isr.filter((id) => id !== leaving);
  const elr = before.elr.filter((id) => id !== leaving);
  const complete = [isr, elr, before.isr].find((each) => each.length > 0)!;
  const eligible = [complete, elr].map((each) => each.filter(isActive)).find((each) => each.length > 0);
  if (eligible !== undefined) {
    // A complete replica can lead. The new ISR consists of the active members of the ISR or, if there is
    // none, of the ELR. The leader stays if it is one of them.
    expect(next.isr).toEqual(eligible);
    expect(next.leader).toBe(eligible.includes(before.leader) ? before.leader : eligible[0]);
  } else if (uncleanElection && active.length > 0) {
    expect(next).toEqual({ isr: [active[0]], elr: [], leader: active[0] });
  } else {
    // No complete replica is active. The ISR keeps the replicas that hold the data.
    expect(next).toMatchObject({ isr: complete, leader: -1 });
  }
  if (next.leader !== -1 && next.isr.length >= Math.min(minInsyncReplicas, 3)) expect(next.elr).toEqual([]);
  else if (!(uncleanElection && eligible === undefined && active.length > 0)) {
    // Every complete replica that is still trusted stays in ISR or ELR.
    const rest = [...before.isr, ...before.elr].filter((id) => id !== leaving && !next.isr.includes(id));
    expect(next.elr).toEqual(rest.sort());
  }
}
