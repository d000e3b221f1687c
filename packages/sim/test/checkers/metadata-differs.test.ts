import { withNextProducerId } from '@millrace/metadata/testing';
import { describe, expect, it } from 'vitest';
import { metadataDiffers } from '../../src/checkers/metadata-differs.ts';
import { SmallCluster, violationOf } from '../support/small-cluster.ts';

describe('metadata-differs', () => {
  it('sees a controller that has another committed batch than the others', () => {
    const small = new SmallCluster([metadataDiffers], 3);
    const other = small.cluster.controllers.find((node) => node !== small.cluster.activeController())!;
    const { log } = other.roles!.controller!.quorum!.node;
    const read = log.read.bind(log);
    log.read = (from, end, maxBytes) =>
      read(from, end, maxBytes).map((one) => ({ ...one, epoch: one.epoch + 1 }));
    expect(violationOf(() => small.createTopic('u'))).toMatch(/^metadata-differs: .* has another batch at/);
  });

  it('sees an image that differs from the log', () => {
    const small = new SmallCluster([metadataDiffers]);
    expect(violationOf(() => small.finish())).toBeUndefined();
    const broker = small.leader.roles!.broker!;
    const { image } = broker.metadata;
    broker.metadata.image = withNextProducerId(image, 12_345);
    expect(violationOf(() => small.finish())).toMatch(
      /^metadata-differs: the image of .* is not what the log says/,
    );
  });
});
