/**
 * Goal: replicas are spread as the top of placement.ts describes. Method: properties over random clusters.
 */
import { Prng } from '@millrace/base';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type PlaceableBroker, placementProblem, placeReplicas } from '../src/index.ts';

const brokersOf = (
  racks: readonly (string | undefined)[],
  fenced: readonly number[] = [],
): PlaceableBroker[] => racks.map((rack, id) => ({ id, rack, fenced: fenced.includes(id), replicas: 0 }));

const cluster = fc.record({
  racks: fc.array(fc.constantFrom('a', 'b', 'c', undefined), { minLength: 1, maxLength: 12 }),
  fenced: fc.uniqueArray(fc.nat(11), { maxLength: 4 }),
  factor: fc.integer({ min: 1, max: 5 }),
  partitions: fc.integer({ min: 1, max: 20 }),
  seed: fc.nat(),
});

function counts(ids: readonly number[], of: readonly number[]): number[] {
  return of.map((id) => ids.filter((each) => each === id).length);
}

function spread(numbers: readonly number[]): number {
  return Math.max(...numbers) - Math.min(...numbers);
}

describe('placement', () => {
  test('no broker twice; fenced brokers only when needed and never first; as many racks as possible; leaders even', () => {
    fc.assert(
      fc.property(cluster, ({ racks, fenced, factor, partitions, seed }) => {
        const brokers = brokersOf(racks, fenced);
        if (placementProblem(brokers, factor) !== undefined) return;
        const placed = placeReplicas(brokers, partitions, factor, new Prng(seed));
        const free = brokers.filter((broker) => !broker.fenced).map(({ id }) => id);
        const rackCount = new Set(free.map((id) => racks[id])).size;
        expect(placed.length).toBe(partitions);
        for (const replicas of placed) {
          expect(new Set(replicas).size).toBe(factor);
          expect(free).toContain(replicas[0]);
          expect(replicas.filter((id) => free.includes(id)).length).toBe(Math.min(factor, free.length));
          const racksUsed = new Set(replicas.filter((id) => free.includes(id)).map((id) => racks[id])).size;
          expect(racksUsed).toBe(Math.min(factor, rackCount));
        }
        const leaders = placed.map((replicas) => replicas[0]!);
        expect(spread(counts(leaders, free))).toBeLessThanOrEqual(1);
      }),
      { numRuns: 150 },
    );
  });

  test('if all racks have the same size, every broker gets about the same number of replicas', () => {
    const even = fc.record({
      rackSize: fc.integer({ min: 1, max: 4 }),
      rackCount: fc.integer({ min: 1, max: 4 }),
      factor: fc.integer({ min: 1, max: 4 }),
      partitions: fc.integer({ min: 1, max: 60 }),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(even, ({ rackSize, rackCount, factor, partitions, seed }) => {
        const racks = Array.from({ length: rackSize * rackCount }, (_, id) => `r${id % rackCount}`);
        const brokers = brokersOf(racks);
        if (placementProblem(brokers, factor) !== undefined) return;
        const placed = placeReplicas(brokers, partitions, factor, new Prng(seed));
        const all = brokers.map(({ id }) => id);
        expect(spread(counts(placed.flat(), all))).toBeLessThanOrEqual(2);
      }),
      { numRuns: 150 },
    );
  });

  test('placement is random: other seeds give other placements, the same seed gives the same one', () => {
    const brokers = brokersOf(Array.from({ length: 6 }, () => undefined));
    const place = (seed: number) => JSON.stringify(placeReplicas(brokers, 6, 3, new Prng(seed)));
    expect(place(1)).toBe(place(1));
    expect(new Set([1, 2, 3, 4, 5].map(place)).size).toBe(5);
  });

  test('the followers of one leader are not always the same: when the leader dies, they share its load', () => {
    const brokers = brokersOf(Array.from({ length: 3 }, () => undefined));
    const placed = placeReplicas(brokers, 60, 3, new Prng(1));
    const seconds = placed.filter(([first]) => first === 0).map(([, second]) => second!);
    expect(Math.min(...counts(seconds, [1, 2]))).toBeGreaterThan(3);
  });

  test('brokers with fewer replicas come first if the replicas of the new topic do not decide', () => {
    const brokers = brokersOf([undefined, undefined, undefined]).map((broker) => ({
      ...broker,
      replicas: broker.id === 2 ? 0 : 10,
    }));
    for (let seed = 0; seed < 20; seed++) expect(placeReplicas(brokers, 1, 1, new Prng(seed))).toEqual([[2]]);
  });

  test('placing 10,000 partitions on 50 brokers takes less than 5 s, also on a busy machine', () => {
    const brokers = brokersOf(Array.from({ length: 50 }, (_, id) => `r${id % 3}`));
    const started = performance.now();
    placeReplicas(brokers, 10_000, 3, new Prng(1));
    expect(performance.now() - started).toBeLessThan(5000);
  });

  test('explains why there is no placement', () => {
    expect(placementProblem(brokersOf(['a']), 2)).toMatch(/larger/);
    expect(placementProblem(brokersOf(['a'], [0]), 1)).toMatch(/fenced/);
    expect(placementProblem([], 1)).toMatch(/larger/);
    expect(placementProblem(brokersOf(['a', 'b'], [0]), 2)).toBeUndefined();
  });
});
