import { describe, expect, it } from 'vitest';
import { folderUnknown } from '../../src/checkers/folder-unknown.ts';
import { SmallCluster, violationOf } from '../support/small-cluster.ts';

const TEXT = new TextEncoder();

describe('folder-unknown', () => {
  it('sees a folder that no metadata record ever named', () => {
    const small = new SmallCluster([folderUnknown]);
    const follower = small.followers[0]!;
    follower.kill('process');
    const { tree } = follower.disk;
    tree.makeFolder('/data/ghost-0');
    tree
      .create('/data/ghost-0/partition.metadata')
      .write(0, TEXT.encode('version: 0\ntopic_id: ghostghostghostghostgA\n'));
    follower.start();
    const found = violationOf(() => small.run(5));
    expect(found).toBe(`folder-unknown: ${follower.name} set a folder aside that no metadata record removed`);
  });
});
