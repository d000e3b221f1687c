import { expect, it } from 'vitest';
import { leaderUnavailable } from '../../../src/checkers/availability/leader-unavailable.ts';
import { controllerOf, SmallCluster, violationOf } from '../../support/small-cluster.ts';

it.each([true, false])('fails only if no leader replaces a dead one; replaced: %s', (replaces) => {
  const small = new SmallCluster([leaderUnavailable]);
  const { sessions } = controllerOf(small.cluster.controllers[0]!);
  if (!replaces) sessions.takeExpired = () => [];
  const found = violationOf(() => {
    small.leader.kill('process');
    small.run(20);
  });
  if (replaces) expect(found).toBeUndefined();
  else expect(found).toMatch(/^leader-unavailable: broker ., which is gone, leads t-0 for .* could/);
});

it('demands nothing while a fault touches the majority of the controllers', () => {
  const small = new SmallCluster([leaderUnavailable], 3);
  const found = violationOf(() => {
    for (const controller of small.cluster.controllers.slice(1)) controller.life!.pause();
    small.leader.kill('process');
    small.run(30);
  });
  expect(found).toBeUndefined();
});
