/**
 * What a vote is worth that is told before it is on the device: the voter forgets it, and may be asked again.
 */
import type { NodeId, Prng } from '@millrace/base';
import type { SimNode } from '../../cluster/index.ts';
import { MILLISECOND } from '../../world/index.ts';
import { type FaultContext, type FaultKind, later } from '../fault.ts';
import { between, cutFor } from '../links.ts';

export const crashInVote: FaultKind = {
  name: 'crash-in-vote',
  sentence:
    'the active controller dies, then another one while its vote is on the way to the device; that one comes back when the one it voted for is cut off',
  strike(context, random) {
    const { controllers } = context.cluster;
    const active = context.cluster.activeController();
    if (active === undefined || controllers.length === 1) return undefined;
    let hasStruck = false;
    for (const node of controllers)
      node.disk.crashInVote((votedFor) => {
        if (hasStruck || votedFor === node.id) return false;
        hasStruck = true;
        partAfterVote(context, random, node, votedFor);
        return true;
      });
    active.kill('process');
    return `${active.name}, and whoever votes next for another`;
  },
};

/**
 * Time enough for a vote to arrive that was told too early; then whoever it elected is alone, and the voter
 * is asked again.
 */
function partAfterVote(context: FaultContext, random: Prng, voter: SimNode, votedFor: NodeId): void {
  const { cluster } = context;
  const candidate = cluster.node(votedFor)!.name;
  const others = cluster.controllers.map(({ name }) => name).filter((name) => name !== candidate);
  const partMs = 20 + random.below(100);
  later(context, partMs * MILLISECOND, () => cutFor(context, random, between([candidate], others)));
  later(context, (partMs + 10 + random.below(300)) * MILLISECOND, () => {
    if (!voter.isUp) voter.start();
  });
}
