/**
 * Goal: each caller that asks whether this node still leads gets one answer, from a round that began after
 * its call. Method: the test itself begins, confirms and ends the rounds.
 */
import { ManualClock } from '@millrace/base/testing';
import { describe, expect, test } from 'vitest';
import { LeadershipRounds } from '../src/leadership-rounds.ts';

class World {
  readonly clock = new ManualClock();
  readonly told: string[] = [];
  round = 0;
  leads = true;
  sent = 0;
  readonly rounds = new LeadershipRounds(
    this.clock,
    () => (this.leads ? ++this.round : undefined),
    () => {
      this.sent++;
    },
  );

  ask(name: string): void {
    this.rounds.ask((leads) => this.told.push(`${name} ${leads}`));
  }
}

describe('leadership rounds', () => {
  test('calls of one turn share a round', () => {
    const world = new World();
    world.ask('a');
    world.ask('b');
    world.clock.settle();
    expect([world.round, world.told]).toEqual([1, []]);
    world.rounds.confirmed(1);
    expect(world.told).toEqual(['a true', 'b true']);
  });

  test('a call during a round waits for the next one', () => {
    const world = new World();
    world.ask('a');
    world.clock.settle();
    world.ask('b');
    world.clock.settle();
    world.rounds.confirmed(1);
    expect(world.told).toEqual(['a true']);
    world.clock.settle();
    expect(world.round).toBe(2);
    world.rounds.confirmed(2);
    expect(world.told).toEqual(['a true', 'b true']);
  });

  test('the end of the leadership answers all waiting calls', () => {
    const world = new World();
    world.ask('a');
    world.clock.settle();
    world.ask('b');
    world.rounds.leadershipEnded();
    world.clock.settle();
    expect([world.told, world.round]).toEqual([['a false', 'b false'], 1]);
  });

  test('a node that does not lead answers false, but not within the call', () => {
    const world = new World();
    world.leads = false;
    world.ask('a');
    expect(world.told).toEqual([]);
    world.clock.settle();
    expect([world.told, world.sent]).toEqual([['a false'], 0]);
  });
});
