import { describe, expect, it } from 'vitest';
import { removedSegmentBack } from '../../src/checkers/removed-segment-back.ts';
import type { SimNode } from '../../src/cluster/index.ts';
import { batch, SmallCluster, violationOf } from '../support/small-cluster.ts';

/** A cluster whose first follower has removed its segments below 2. */
function setUp(): { small: SmallCluster; follower: SimNode; folder: string } {
  const small = new SmallCluster([removedSegmentBack]);
  for (let i = 0; i < 2; i++) small.produce(batch);
  const [follower] = small.followers as [SimNode];
  const { log } = small.replica(follower);
  small.corrupt(follower, () => {
    log.setConfig({ ...log.config, retentionMs: 0 });
    log.expire(2, Number.MAX_SAFE_INTEGER);
    log.removeNext(() => {});
  });
  small.run(1);
  expect(log.firstSegmentOffset).toBe(2);
  return { small, follower, folder: log.directory };
}

function restart(small: SmallCluster, node: SimNode, meanwhile: () => void = () => {}): void {
  node.kill('process');
  meanwhile();
  small.run(1);
  node.start();
  small.until(() => node.isReady && small.replica(node) !== undefined);
  small.run(1);
}

describe('removed-segment-back', () => {
  it('sees a removed segment that is back after a restart', () => {
    const { small, follower, folder } = setUp();
    const back = (): void => {
      const { tree } = follower.disk;
      for (const name of tree.list(folder))
        if (name.endsWith('.deleted'))
          tree.rename(`${folder}/${name}`, `${folder}/${name.replace('.deleted', '')}`);
    };
    expect(violationOf(() => restart(small, follower, back))).toMatch(
      /^removed-segment-back: b\d+ opens t-0 at 0, but its first segment began at 2 before/,
    );
  });

  it('accepts a removed segment that is back after a power loss', () => {
    const { small, follower } = setUp();
    const losesPower = () => follower.disk.losePower({ names: 'undone' });
    expect(violationOf(() => restart(small, follower, losesPower))).toBeUndefined();
    expect(small.replica(follower).log.firstSegmentOffset).toBe(0);
  });

  it('accepts a restart that deletes the renamed files of removed segments', () => {
    const { small, follower, folder } = setUp();
    expect(violationOf(() => restart(small, follower))).toBeUndefined();
    expect(follower.disk.tree.list(folder).filter((name) => name.endsWith('.deleted'))).toEqual([]);
  });
});
