import type { Millis } from '@millrace/base';

/** The topic settings that the partition itself uses. Its log gets the others. */
export interface PartitionSettings {
  /** `min.insync.replicas` */
  readonly minInsyncReplicas: number;
  /** `flush.messages` is 1: acknowledgements and fetch offsets wait for fsync. */
  readonly syncsBeforeAck: boolean;
  /** `flush.ms`; infinite: the age of records causes no flush. */
  readonly flushMs: Millis;
}
