/**
 * Counts the requests that the data plane of a broker parks, and the other things that it holds for requests.
 * Each number stays bounded while there are no faults.
 */
import type { ReplicaManager } from './replica-manager.ts';
import { SessionPartition } from './serving/session-partition.ts';

export interface ReplicaHoldings {
  readonly parkedFetches: number;
  /**
   * The largest number of parked fetches without a session that wait for one partition. Fetch sessions wait
   * for partitions, too, but a session may outlive its connection. `fetchSessions` counts the sessions.
   */
  readonly fetchWaiters: number;
  readonly fetchSessions: number;
  readonly parkedAcks: number;
  /** Deletions of records that wait for followers or for a lease, as `DeleteRecordsService` counts them. */
  readonly parkedDeletions: number;
  /** Requests that wait for a job. */
  readonly awaitingJobs: number;
  /** Leaderships that wait for the next lease. */
  readonly awaitingLease: number;
  /** ISR changes that wait until the broker sends them to the controller. */
  readonly isrChanges: number;
  /** The same deletions, as the leaders of the partitions count them. */
  readonly waitingDeletions: number;
  /** Segments that retention has removed, and whose files wait for `file.delete.delay.ms`. */
  readonly removedSegments: number;
  /** Pending deadlines of the broker's data plane. */
  readonly deadlines: number;
}

export function holdingsOf(manager: ReplicaManager): ReplicaHoldings {
  const { fetches, timers, alterPartitions, waiting, awaitingLease, upkeep } = manager;
  let parkedAcks = 0;
  let fetchWaiters = 0;
  let waitingDeletions = 0;
  for (const { leadership, waiters } of manager.partitions()) {
    parkedAcks += leadership?.parkedAcks ?? 0;
    waitingDeletions += leadership?.deletions.size ?? 0;
    let parked = 0;
    for (const waiter of waiters) if (!(waiter instanceof SessionPartition)) parked++;
    fetchWaiters = Math.max(fetchWaiters, parked);
  }
  return {
    parkedFetches: fetches.parked.size,
    fetchWaiters,
    fetchSessions: fetches.sessions.size,
    parkedAcks,
    parkedDeletions: manager.deletions.parked,
    awaitingJobs: waiting.size,
    awaitingLease: awaitingLease.size,
    isrChanges: alterPartitions.queued,
    waitingDeletions,
    removedSegments: upkeep.retention.removedSegments,
    deadlines: timers.size,
  };
}
