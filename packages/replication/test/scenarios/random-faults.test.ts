/**
 * Goal: no fault loses or duplicates a record acknowledged with acks=all. Method: a few hundred seeds of
 * random crashes, pauses, network cuts and clean elections. The checks compare the logs with the clients'
 * responses. Further tests break a rule on purpose, and expect the checks to notice it.
 */
import { afterEach, expect, test, vi } from 'vitest';
import { RemoteReplica } from '../../src/partition/high-watermark.ts';
import { IsrState } from '../../src/partition/isr-state.ts';
import { Partition } from '../../src/partition/partition.ts';
import { Trial } from '../support/trial.ts';

const SEEDS = 200;

afterEach(() => vi.restoreAllMocks());

function violationsOf(seeds: number, options: { steps: number; losesPower: boolean; firstSeed?: number }) {
  const violations: string[] = [];
  let acknowledged = 0;
  for (let seed = options.firstSeed ?? 0; seed < (options.firstSeed ?? 0) + seeds; seed++) {
    const trial = new Trial({ seed, ...options }).run();
    acknowledged += trial.acknowledgedCount;
    for (const violation of trial.violations) violations.push(`seed ${seed}: ${violation}`);
  }
  return { violations, acknowledged };
}

test('crashes, pauses, network cuts and elections lose no acknowledged record', () => {
  const { violations, acknowledged } = violationsOf(SEEDS, { steps: 60, losesPower: false });
  expect(violations).toEqual([]);
  expect(acknowledged).toBeGreaterThan(SEEDS * 10);
});

test('with flush.messages=1 a power failure of one machine, or of all, loses no acknowledged record either', () => {
  const { violations, acknowledged } = violationsOf(60, { steps: 60, losesPower: true, firstSeed: 10_000 });
  expect(violations).toEqual([]);
  expect(acknowledged).toBeGreaterThan(60 * 5);
});

test('the checks notice a leader that does not wait for its ISR', () => {
  vi.spyOn(IsrState.prototype, 'maximal', 'get').mockReturnValue([]);
  vi.spyOn(RemoteReplica.prototype, 'isCaughtUp').mockReturnValue(false);
  const { violations } = violationsOf(20, { steps: 60, losesPower: false });
  expect(violations.some((violation) => violation.includes('acknowledged'))).toBe(true);
});

test('the checks notice replicas that report unsynced records', () => {
  vi.spyOn(Partition.prototype, 'ownEnd', 'get').mockImplementation(function (this: Partition) {
    return this.log.endOffset;
  });
  const { violations } = violationsOf(40, { steps: 60, losesPower: true, firstSeed: 10_000 });
  expect(violations.length).toBeGreaterThan(0);
});
