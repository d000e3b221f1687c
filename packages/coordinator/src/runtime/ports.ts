/** The parts of the broker's data plane (package `replication`) that the runtime uses. */
import type { CoordinatorPort, LeadershipListener } from '@millrace/replication';

/** A `CoordinatorPort`, or a fake of it. */
export interface LedPartitions
  extends Pick<
    CoordinatorPort,
    'append' | 'read' | 'mayAppend' | 'whenCommitted' | 'holdsLease' | 'bounds' | 'foundCorrupt'
  > {
  readonly leaderships: {
    /**
     * Registers a listener, which first gets the present leaderships. Returns a function that removes the
     * listener.
     */
    watch(listener: LeadershipListener): () => void;
  };
}
