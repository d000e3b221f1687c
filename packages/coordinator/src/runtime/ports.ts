/** What the runtime uses of the broker's data plane. */
import type { CoordinatorPort, LeadershipListener } from '@millrace/replication';

/** A `CoordinatorPort`, or a fake of it. */
export interface LedPartitions
  extends Pick<
    CoordinatorPort,
    'append' | 'read' | 'mayAppend' | 'whenCommitted' | 'holdsLease' | 'bounds' | 'foundCorrupt'
  > {
  readonly leaderships: {
    /** The listener gets the present leaderships first. Returns a function that removes the listener. */
    watch(listener: LeadershipListener): () => void;
  };
}
