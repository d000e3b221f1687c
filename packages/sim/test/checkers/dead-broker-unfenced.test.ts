import { withBroker } from '@millrace/metadata/testing';
import { describe, expect, it } from 'vitest';
import { deadBrokerUnfenced } from '../../src/checkers/dead-broker-unfenced.ts';
import { controllerOf, decree, SmallCluster, violationOf } from '../support/small-cluster.ts';

describe('dead-broker-unfenced', () => {
  it.each([true, false])('fails only if the controller leaves a dead broker unfenced: %s', (forgets) => {
    const small = new SmallCluster([deadBrokerUnfenced]);
    const { sessions } = controllerOf(small.cluster.controllers[0]!);
    if (forgets) sessions.takeExpired = () => [];
    const found = violationOf(() => {
      small.followers[0]!.kill('process');
      small.run(20);
    });
    if (forgets) expect(found).toMatch(/^dead-broker-unfenced: broker . .* is not fenced/);
    else expect(found).toBeUndefined();
  });

  it('sees that the controller unfences a dead broker', () => {
    const small = new SmallCluster([deadBrokerUnfenced]);
    const dead = small.followers[0]!;
    dead.kill('process');
    small.run(25);
    const unfence = () =>
      decree(small, (image) => withBroker(image, { ...image.broker(dead.id)!, fenced: false }));
    expect(violationOf(unfence)).toMatch(/^dead-broker-unfenced: .* was unfenced, but it died/);
  });
});
