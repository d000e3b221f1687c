/** The limits of classic groups: the user's settings, and those that no user can change. */
import type { Millis } from '@millrace/base';
import type { ClassicGroupConfig } from '../config.ts';

export interface ClassicGroupLimits extends ClassicGroupConfig {
  /**
   * When the first join of a member has been parked for this time, the group removes the member. Kafka: 5
   * minutes.
   */
  readonly newMemberJoinTimeoutMs: Millis;
  /**
   * Limit for the ids that the group gave out with MEMBER_ID_REQUIRED and that nobody has joined with yet.
   * Above the limit the group forgets the oldest id. A client that then joins with the forgotten id gets
   * UNKNOWN_MEMBER_ID, and joins again without an id.
   */
  readonly maxPendingMembers: number;
}
