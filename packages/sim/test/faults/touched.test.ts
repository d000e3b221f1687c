/** Goal: a machine is touched until the last fault that touches it has ended, and for one more second. */
import { expect, test } from 'vitest';
import { TouchedMachines } from '../../src/faults/index.ts';
import { SECOND } from '../../src/world/index.ts';
import { SmallCluster } from '../support/small-cluster.ts';

test('if several faults touch a machine, it is touched until the last of them has ended', () => {
  const small = new SmallCluster([]);
  const { world, cluster } = small;
  const [a, b] = cluster.brokers;
  const touched = new TouchedMachines(world);
  const isTouched = () => [a, b].map((node) => touched.has(node!));
  expect(isTouched()).toEqual([false, false]);
  touched.note({ says: '', touches: [a!, b!], lastsUs: 2 * SECOND });
  touched.note({ says: '', touches: [a!], lastsUs: 4 * SECOND });
  touched.note({ says: '', touches: [a!], lastsUs: SECOND });
  small.run(2.9);
  expect(isTouched()).toEqual([true, true]);
  small.run(0.2);
  expect(isTouched()).toEqual([true, false]);
  small.run(1.9);
  expect(isTouched()).toEqual([false, false]);
});
