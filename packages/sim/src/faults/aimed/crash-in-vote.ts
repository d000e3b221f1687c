/**
 * Catches a voter that sends its vote before the vote is on the device: after a crash it has forgotten the
 * vote, and another candidate may ask it.
 */
import type { NodeId, Prng } from '@millrace/base';
import type { SimNode } from '../../cluster/index.ts';
import { MILLISECOND } from '../../world/index.ts';
import { type FaultContext, type FaultKind, later } from '../fault.ts';
import { between, cutFor } from '../links.ts';

export const crashInVote: FaultKind = {
  name: 'crash-in-vote',
  sentence:
    'the active controller dies; another controller dies while its vote is on the way to the device, and comes back when the candidate of that vote is cut off',
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
    return `${active.name}, and the next voter for another controller`;
  },
};

/**
 * Waits long enough for an early vote to arrive. Then cuts off the candidate, so that another candidate asks
 * the voter.
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
