import { Prng } from '@millrace/base';
import { expect, it } from 'vitest';
import { lowDisk } from '../../src/faults/disk-faults.ts';
import { Atlas, drawValues } from '../../src/faults/index.ts';
import { SECOND } from '../../src/world/index.ts';
import { SmallCluster } from '../support/small-cluster.ts';

it.each([
  [500, 1.4, 2],
  [5_000, 5.2, 7],
])(
  'a broker that looks every %i ms notices low-disk, and has room again afterwards',
  (lookMs, inside, after) => {
    const small = new SmallCluster([], 1, { 'replica.high.watermark.checkpoint.interval.ms': `${lookMs}` });
    const { world, network, cluster } = small;
    const atlas = new Atlas(cluster, true);
    const random = new Prng(1);
    const context = { world, network, cluster, atlas, random, clientHosts: [], operator: undefined as never };
    const drawn = drawValues(lowDisk.parameters, random);
    const values = { ...drawn, level: 'low', lastsMs: 1_500 };
    const [victim] = lowDisk.strike({ ...context, untilUs: world.nowUs + 15 * SECOND }, values)!.touches;
    const shortage = () => victim!.roles!.broker!.replicas.shortage;
    small.run(inside);
    expect(shortage()).toMatch(/bytes free, less than min.free.bytes/);
    small.run(after);
    expect(shortage()).toBeUndefined();
  },
);

it('low-disk lasts 1.5 s to 8 s, if the broker often looks at its free space', () => {
  const { lastsMs } = lowDisk.parameters;
  expect(lastsMs!.isAllowed(1_499)).toBe(false);
  const drawn = Array.from({ length: 100 }, (_unused, seed) => Number(lastsMs!.draw(new Prng(seed))));
  expect([Math.min(...drawn) >= 1_500, Math.max(...drawn) <= 8_000]).toEqual([true, true]);
});
