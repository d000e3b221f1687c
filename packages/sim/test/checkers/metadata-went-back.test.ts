import { MetadataImage } from '@millrace/metadata';
import { describe, expect, it } from 'vitest';
import { metadataWentBack } from '../../src/checkers/metadata-went-back.ts';
import { controllerOf, SmallCluster, violationOf } from '../support/small-cluster.ts';

describe('metadata-went-back', () => {
  it('sees an image that is older than before', () => {
    const small = new SmallCluster([metadataWentBack]);
    const node = small.cluster.controllers[0]!;
    const forget = () => small.corrupt(node, () => (controllerOf(node).image = MetadataImage.EMPTY));
    expect(violationOf(forget)).toMatch(
      /^metadata-went-back: the controller image of c1 went from \d+ back to -1/,
    );
  });
});
