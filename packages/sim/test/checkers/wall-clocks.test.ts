import { describe, expect, it } from 'vitest';
import { WallClocks } from '../../src/checkers/wall-clocks.ts';
import type { SimNode } from '../../src/cluster/index.ts';
import { SECOND } from '../../src/world/index.ts';

function node(wallOffsetMs: number) {
  return { host: { wallOffsetMs } } as { host: { wallOffsetMs: number } } & SimNode;
}

describe('WallClocks.longestMs', () => {
  it('is the time between the two moments if all clocks agree', () => {
    const clocks = new WallClocks();
    for (const one of [node(1000), node(1000)]) clocks.turn(one, 0);
    expect(clocks.longestMs(2 * SECOND, 5 * SECOND)).toBe(3_000);
    expect(clocks.longestMs(5 * SECOND, 5 * SECOND)).toBe(0);
  });

  it('counts the difference between two clocks', () => {
    const clocks = new WallClocks();
    for (const one of [node(1000), node(61_000)]) clocks.turn(one, 0);
    expect(clocks.longestMs(2 * SECOND, 5 * SECOND)).toBe(63_000);
  });

  it('counts only the jumps between the two moments', () => {
    const clocks = new WallClocks();
    const jumping = node(1000);
    clocks.turn(jumping, 0);
    jumping.host.wallOffsetMs = 91_000;
    clocks.turn(jumping, 4 * SECOND);
    jumping.host.wallOffsetMs = 1000;
    clocks.turn(jumping, 6 * SECOND);
    expect(clocks.longestMs(2 * SECOND, 3 * SECOND)).toBe(1_000);
    expect(clocks.longestMs(2 * SECOND, 5 * SECOND)).toBe(93_000);
    expect(clocks.longestMs(7 * SECOND, 9 * SECOND)).toBe(2_000);
  });
});
