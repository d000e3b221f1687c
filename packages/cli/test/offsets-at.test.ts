import type { OffsetWanted } from '@millrace/client';
import { expect, test } from 'vitest';
import { offsetsAt } from '../src/offsets-at.ts';

const places = [0, 1].map((partition) => ({ topic: 'x', partition }));

/** A cluster whose partition 0 has the offset 7, and partition 1 the offset 8. */
function cluster(failed: ReadonlyMap<string, string> = new Map()) {
  const asked: number[] = [];
  const lookUp = async (wanted: readonly OffsetWanted[]) => {
    asked.push(...wanted.map(({ timestamp }) => timestamp));
    const found = wanted.map(({ topic, partition }) => ({ topic, partition, offset: 7 + partition }));
    return { found, failed } as never;
  };
  return { asked, lookUp };
}

test('each partition has the offset at the timestamp', async () => {
  const asked = cluster();
  expect([...(await offsetsAt(asked, places, -1))]).toEqual([
    ['x-0', 7],
    ['x-1', 8],
  ]);
  expect(asked.asked).toEqual([-1, -1]);
});

test('an error names the partition whose lookup failed, and says why', async () => {
  const failed = new Map([['x-1', 'no leader']]);
  await expect(offsetsAt(cluster(failed), places, -1)).rejects.toThrow(
    'some partitions cannot be read (x-1: no leader)',
  );
});
