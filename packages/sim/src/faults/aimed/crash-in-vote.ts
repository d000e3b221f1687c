/**
 * This fault finds a voter that sends its vote before the vote is on the device. After a crash such a voter
 * does not know its vote, and may vote for another candidate in the same epoch.
 */
import type { Millis, NodeId } from '@millrace/base';
import type { SimNode } from '../../cluster/index.ts';
import { MILLISECOND } from '../../world/index.ts';
import { type FaultContext, fault, later } from '../fault.ts';
import { between, cutFor } from '../links.ts';
import { duration, whole } from '../parameter.ts';
import { STEPS_US } from './watch.ts';

export const crashInVote = fault({
  name: 'crash-in-vote',
  sentence:
    'the active controller dies; in the election a second controller dies while it writes its vote to the device, and comes back when the candidate that it voted for is cut off',
  parameters: { cutMs: whole(20, 120), lastsMs: duration(), backMs: whole(10, 310) },
  strike(context, parameters) {
    const { controllers } = context.cluster;
    const active = context.cluster.activeController();
    if (active === undefined || controllers.length === 1) return undefined;
    let hasStruck = false;
    for (const node of controllers)
      node.disk.crashInVote((votedFor) => {
        if (hasStruck || votedFor === node.id) return false;
        hasStruck = true;
        partAfterVote(context, parameters, node, votedFor);
        return true;
      });
    active.kill('process');
    const says = `${active.name}, and the next voter for another controller`;
    return { says, touches: context.cluster.nodes, lastsUs: STEPS_US };
  },
});

/**
 * Waits for `cutMs`. In this time the vote arrives, if the voter sent it too early. Then cuts off the
 * candidate, so that another candidate asks the voter. Starts the voter `backMs` after the cut.
 */
function partAfterVote(
  context: FaultContext,
  { cutMs, lastsMs, backMs }: { cutMs: Millis; lastsMs: Millis; backMs: Millis },
  voter: SimNode,
  votedFor: NodeId,
): void {
  const { cluster } = context;
  const candidate = cluster.node(votedFor)!.name;
  const others = cluster.controllers.map(({ name }) => name).filter((name) => name !== candidate);
  later(context, cutMs * MILLISECOND, () => cutFor(context, lastsMs, between([candidate], others)));
  later(context, (cutMs + backMs) * MILLISECOND, () => voter.startIfDown());
}
