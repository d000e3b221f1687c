/** How a client of a group reacts to an error code of its coordinator. */
import { ErrorCode } from '@millrace/protocol';

/**
 * `none`: the answer is good. `moved`: another broker may coordinate the group; the client asks which one.
 * `wait`: the same coordinator may answer later. `fenced`: the group continues without this member, which
 * must join again. `rejoin`: the group rebalances, and the member must join again. `fatal`: no retry will
 * succeed.
 */
export type GroupOutcome = 'none' | 'moved' | 'wait' | 'fenced' | 'rejoin' | 'fatal';

const outcomes: ReadonlyMap<number, GroupOutcome> = new Map([
  [ErrorCode.NONE, 'none'],
  [ErrorCode.NOT_COORDINATOR, 'moved'],
  [ErrorCode.COORDINATOR_NOT_AVAILABLE, 'moved'],
  [ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, 'wait'],
  [ErrorCode.REQUEST_TIMED_OUT, 'wait'],
  [ErrorCode.UNSTABLE_OFFSET_COMMIT, 'wait'],
  [ErrorCode.THROTTLING_QUOTA_EXCEEDED, 'wait'],
  [ErrorCode.UNKNOWN_MEMBER_ID, 'fenced'],
  [ErrorCode.ILLEGAL_GENERATION, 'fenced'],
  [ErrorCode.FENCED_MEMBER_EPOCH, 'fenced'],
  [ErrorCode.REBALANCE_IN_PROGRESS, 'rejoin'],
]);

/** A code that is not in the table is `fatal`. */
export function groupOutcome(errorCode: number): GroupOutcome {
  return outcomes.get(errorCode) ?? 'fatal';
}
