import { Prng } from '@millrace/base';
import { expect, it } from 'vitest';
import { lowDisk } from '../../src/faults/disk-faults.ts';
import { Atlas, drawValues } from '../../src/faults/index.ts';
import { SECOND } from '../../src/world/index.ts';
import { SmallCluster } from '../support/small-cluster.ts';

it('low-disk lasts until a broker notices it, and the broker has room again afterwards', () => {
  const small = new SmallCluster([], 1, { 'replica.high.watermark.checkpoint.interval.ms': '500' });
  const { world, network, cluster } = small;
  const atlas = new Atlas(cluster, true);
  const random = new Prng(1);
  const context = { world, network, cluster, atlas, random, clientHosts: [], operator: undefined as never };
  const drawn = drawValues(lowDisk.parameters, random);
  const values = { ...drawn, level: 'low', lastsMs: 1_500 };
  const [victim] = lowDisk.strike({ ...context, untilUs: world.nowUs + 5 * SECOND }, values)!.touches;
  const shortage = () => victim!.roles!.broker!.replicas.shortage;
  small.run(1.4);
  expect(shortage()).toMatch(/bytes free, less than min.free.bytes/);
  small.run(2);
  expect(shortage()).toBeUndefined();
});

it('low-disk is never too short for a broker to notice it', () => {
  const { lastsMs } = lowDisk.parameters;
  expect(lastsMs!.isAllowed(1_499)).toBe(false);
  const drawn = Array.from({ length: 100 }, (_unused, seed) => Number(lastsMs!.draw(new Prng(seed))));
  expect([Math.min(...drawn) >= 1_500, Math.max(...drawn) <= 8_000]).toEqual([true, true]);
});
