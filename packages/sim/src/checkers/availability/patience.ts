/**
 * The times within which a cluster must recover where no fault touches it. docs/simulation.md states them.
 * Both are sums of the timeouts that follow one another in the worst case.
 */
import { MILLISECOND, type Micros, SECOND } from '../../world/index.ts';
import type { CommittedMetadata } from '../committed-metadata.ts';

/**
 * controller.quorum.fetch.timeout.ms, and three rounds of an election. A round takes at most twice
 * controller.quorum.election.timeout.ms.
 */
const QUORUM_US: Micros = (1_000 + 3 * 2 * 300) * MILLISECOND;
/** Until a node gives up what hangs since a fault: a dial, a connection with pings, or a fetch. */
const CONNECTION_US: Micros = 5 * SECOND;
/** Jitter, backoffs, slow syncs of the quorum, and the opening of logs. */
const SLACK_US: Micros = SECOND;

/**
 * Until a partition has a leader: the quorum elects, the brokers find the controller, and the session of the
 * old leader ends.
 */
export function leaderWithinUs({ sessionTimeoutMs, connectionLossGraceMs }: CommittedMetadata): Micros {
  const sessionUs = (sessionTimeoutMs + connectionLossGraceMs) * MILLISECOND;
  return QUORUM_US + CONNECTION_US + sessionUs + SLACK_US;
}

/**
 * Until the leader commits: the time above, and a follower's connection. If faults touch some replicas, also
 * one and a half times the largest replica.lag.time.max.ms, because the leader may wait that long before it
 * asks the controller to remove a follower that lags.
 */
export function writesWithinUs(metadata: CommittedMetadata, lagTimeMaxMs: number): Micros {
  return leaderWithinUs(metadata) + CONNECTION_US + 1.5 * lagTimeMaxMs * MILLISECOND;
}
