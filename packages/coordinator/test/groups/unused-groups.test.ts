import { expect, it } from 'vitest';
import { UnusedGroups } from '../../src/groups/unused-groups.ts';
import { MachineHost } from '../support/machine-host.ts';

it('deletes at most 500 unused groups in a turn, and in the end all of them', () => {
  const h = new MachineHost();
  for (let i = 0; i < 1_200; i++) {
    h.consumerHeartbeat(`g${i}`, 'm', 0);
    h.consumerHeartbeat(`g${i}`, 'm', -1);
  }
  h.consumerHeartbeat('used', 'm', 0);
  const counts: number[] = [];
  for (let i = 0; i < 4; i++) {
    h.port.advance(i === 0 ? 600_000 : 1);
    counts.push(h.listed().filter((line) => line.startsWith('g')).length);
  }
  expect(counts).toEqual([700, 200, 0, 0]);
});

it('visits at most 10,000 groups in a turn, and starts no second walk while one is running', () => {
  const h = new MachineHost();
  let visits = 0;
  const ids = Array.from({ length: 25_000 }, (_, i) => `g${i}`);
  const unused = new UnusedGroups(
    h.port,
    () => ids.values(),
    () => {
      visits++;
      return false;
    },
  );
  const counts: number[] = [];
  for (let i = 0; i < 4; i++) {
    if (i < 2) unused.visit();
    counts.push(visits);
    h.port.advance(1);
  }
  expect(counts).toEqual([10_000, 20_000, 25_000, 25_000]);
});
