/** The limits of classic groups: the user's settings, and those that no user can change. */
import type { Millis } from '@millrace/base';
import type { ClassicGroupConfig } from '../config.ts';

export interface ClassicGroupLimits extends ClassicGroupConfig {
  /** A member whose first join is parked for this long is removed. Kafka: 5 minutes. */
  readonly newMemberJoinTimeoutMs: Millis;
  /**
   * Limit for the ids that the group gave out with MEMBER_ID_REQUIRED and that nobody has joined with yet.
   * Above the limit the group forgets the oldest id. If the client joins with this id, it gets
   * UNKNOWN_MEMBER_ID, and begins again.
   */
  readonly maxPendingMembers: number;
}
