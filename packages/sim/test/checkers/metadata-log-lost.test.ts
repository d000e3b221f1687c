import { describe, expect, it } from 'vitest';
import { metadataLogLost } from '../../src/checkers/metadata-log-lost.ts';
import { SmallCluster, violationOf } from '../support/small-cluster.ts';

const settings = { 'metadata.log.max.record.bytes.between.snapshots': '1' };

describe('metadata-log-lost', () => {
  it('sees a log that begins where no snapshot ends', () => {
    const small = new SmallCluster([metadataLogLost], 1, settings);
    const { contents } = small.cluster.controllers[0]!.disk.quorumStore;
    expect(contents.start.endOffset).toBeGreaterThan(0);
    expect(violationOf(() => small.createTopic('u'))).toBeUndefined();
    contents.batches = contents.batches.slice(1);
    expect(violationOf(() => small.createTopic('v'))).toMatch(
      /^metadata-log-lost: c1 cannot start again: .*are missing/,
    );
  });
});
