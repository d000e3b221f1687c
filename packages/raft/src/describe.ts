/** Builds the DescribeQuorum response from a node's state. Reads only. */
import type { Clock, Millis, Uuid } from '@millrace/base';
import type { RaftNode } from './node.ts';
import type { Replica } from './roles.ts';
import type { QuorumDescription, ReplicaDescription, VoterAddress, VoterKey } from './types.ts';

/** The response omits an observer that has not fetched for this long. */
const OBSERVER_SILENCE_MS = 300_000;

export function describeQuorum(
  node: RaftNode,
  clock: Clock,
  configured: readonly VoterAddress[],
): QuorumDescription {
  const now = clock.monotonicMs();
  // The node measures by the monotonic clock, but the response holds wall clock time.
  const wall = (at: Millis | undefined) => (at === undefined ? -1 : clock.wallMs() - Math.round(now - at));
  const describe = (replica: Replica): ReplicaDescription => ({
    id: replica.id,
    directoryId: directoryIdOf(replica.key),
    logEndOffset: replica.endOffset,
    lastFetchTimestamp: wall(replica.lastFetchAt),
    lastCaughtUpTimestamp: wall(replica.lastCaughtUpAt),
  });
  const observers = [...(node.leading?.observers.values() ?? [])].filter(
    ({ lastFetchAt }) => lastFetchAt !== undefined && now - lastFetchAt < OBSERVER_SILENCE_MS,
  );
  return {
    leaderId: node.leaderId,
    leaderEpoch: node.epoch,
    highWatermark: node.highWatermark,
    voters: node.voters.voters.map(({ id, key }) => {
      const replica = node.leading?.replicas.get(id);
      if (replica !== undefined) return describe(replica);
      const own = id === node.nodeId;
      const leads = own && node.role === 'leader';
      return {
        id,
        directoryId: directoryIdOf(own ? node.options.key : key),
        logEndOffset: own ? node.log.endOffset : -1,
        lastFetchTimestamp: leads ? wall(now) : -1,
        lastCaughtUpTimestamp: leads ? wall(now) : -1,
      };
    }),
    observers: observers.map(describe).sort((a, b) => a.id - b.id),
    nodes: node.voters.voters.map(({ id, host, port }) => {
      const address = configured.find((voter) => voter.id === id);
      return { id, host: address?.host ?? host, port: address?.port ?? port };
    }),
  };
}

function directoryIdOf(key: VoterKey): Uuid {
  return key.slice(0, 22) as Uuid;
}
