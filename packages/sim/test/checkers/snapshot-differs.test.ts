import { describe, expect, it } from 'vitest';
import { snapshotDiffers } from '../../src/checkers/snapshot-differs.ts';
import { SmallCluster, violationOf } from '../support/small-cluster.ts';

const settings = { 'metadata.log.max.record.bytes.between.snapshots': '1' };

/** A cluster whose controller has a snapshot, and the snapshot. */
function withSnapshot() {
  const small = new SmallCluster([snapshotDiffers], 1, settings);
  const node = small.cluster.controllers[0]!;
  const { contents } = node.disk.quorumStore;
  return { small, node, contents, newest: contents.snapshots.at(-1)! };
}

describe('snapshot-differs', () => {
  it('accepts the snapshots of a healthy controller, and a damaged one', () => {
    const { small, node, newest } = withSnapshot();
    expect(newest.parts.length).toBeGreaterThan(1);
    expect(node.disk.quorumStore.damageSnapshot()).toBe(true);
    expect(violationOf(() => small.createTopic('u'))).toBeUndefined();
  });

  it('sees a snapshot that lacks records', () => {
    const { small, contents, newest } = withSnapshot();
    contents.snapshots = [{ ...newest, parts: newest.parts.slice(0, 1) }];
    expect(violationOf(() => small.createTopic('u'))).toMatch(
      /^snapshot-differs: the snapshot of c1 at \d+ is not what the log says/,
    );
  });

  it('sees a snapshot of another offset', () => {
    const { small, contents, newest } = withSnapshot();
    const id = { ...newest.manifest.id, endOffset: 12_345 };
    contents.snapshots = [{ ...newest, manifest: { ...newest.manifest, id } }];
    expect(violationOf(() => small.createTopic('u'))).toMatch(
      /^snapshot-differs: c1 has a snapshot at 12345, where no committed batch ends/,
    );
  });
});
