/**
 * The two times within which the part of a cluster that no fault touches must recover. docs/simulation.md
 * states them. Each is the sum of the timeouts that pass one after another in the worst case.
 */
import { MILLISECOND, type Micros, SECOND } from '../../world/index.ts';
import type { CommittedMetadata } from '../committed-metadata.ts';

/**
 * controller.quorum.fetch.timeout.ms plus three rounds of an election. A round takes at most twice
 * controller.quorum.election.timeout.ms.
 */
const QUORUM_US: Micros = (1_000 + 3 * 2 * 300) * MILLISECOND;
/** The time until a node gives up a dial, a connection with pings, or a fetch that has hung since a fault. */
const CONNECTION_US: Micros = 5 * SECOND;
/** Allows for jitter, backoffs, slow syncs of the quorum, and the opening of logs. */
const SLACK_US: Micros = SECOND;

/**
 * The time until a partition has a leader. In this time the quorum elects, the brokers find the controller,
 * and the session of the old leader ends.
 */
export function leaderWithinUs({ sessionTimeoutMs, connectionLossGraceMs }: CommittedMetadata): Micros {
  const sessionUs = (sessionTimeoutMs + connectionLossGraceMs) * MILLISECOND;
  return QUORUM_US + CONNECTION_US + sessionUs + SLACK_US;
}

/**
 * The time until the leader commits: `leaderWithinUs`, plus the time for a follower's connection, plus 1.5
 * times `lagTimeMaxMs`. The leader may wait this last part before it asks the controller to remove a follower
 * that lags. `lagTimeMaxMs`: the largest replica.lag.time.max.ms if faults touch some replicas of the
 * partition, else 0.
 */
export function writesWithinUs(metadata: CommittedMetadata, lagTimeMaxMs: number): Micros {
  return leaderWithinUs(metadata) + CONNECTION_US + 1.5 * lagTimeMaxMs * MILLISECOND;
}
