import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PartitionEpochs } from '../../src/consumer/partition-epochs.ts';

const entry = fc.tuple(fc.nat(20), fc.nat(3));

it('behaves like a Map with the same entries in ascending order', () => {
  fc.assert(
    fc.property(fc.array(entry), fc.nat(25), (entries, asked) => {
      const map = new Map([...new Map(entries)].sort(([a], [b]) => a - b));
      const epochs = new PartitionEpochs(
        entries.map(([partition]) => partition),
        entries.map(([, epoch]) => epoch),
      );
      expect(epochs.size).toBe(map.size);
      expect(epochs.get(asked)).toBe(map.get(asked));
      expect(epochs.has(asked)).toBe(map.has(asked));
      expect([...epochs]).toEqual([...map]);
      expect([...epochs.keys()]).toEqual([...map.keys()]);
      expect([...epochs.values()]).toEqual([...map.values()]);
      const visited: [number, number][] = [];
      epochs.forEach((epoch, partition) => {
        visited.push([partition, epoch]);
      });
      expect(visited).toEqual([...map]);
    }),
  );
});
