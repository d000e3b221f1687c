import { expect, it } from 'vitest';
import { Prng } from '../src/prng.ts';

it('gives the same numbers for a seed as before, so that each seed of the simulator still gives the same run', () => {
  const random = new Prng(42);
  expect([random.u32(), random.u32(), random.u32(), random.u32()]).toEqual([
    2837322924, 544945897, 479756282, 3500138142,
  ]);
  expect([random.below(10), random.below(1000), random.below(0x1_0000_0000)]).toEqual([0, 290, 65323186]);
  expect(random.uuid()).toBe('QkvIIOF0RWaTMjzWLvGIpQ');
  const fork = new Prng(0xffff_ffff).fork('name');
  expect([fork.u32(), fork.below(7)]).toEqual([915266537, 6]);
});
