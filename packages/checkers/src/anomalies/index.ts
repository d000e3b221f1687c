/** All checkers of a history. */
import type { HistoryCheckerKind } from '../checker.ts';
import { abortedRead } from './aborted-read.ts';
import { commitLost } from './commit-lost.ts';
import { commitUnread } from './commit-unread.ts';
import { commitWentBack } from './commit-went-back.ts';
import { damagedBatch } from './damaged-batch.ts';
import { duplicate } from './duplicate.ts';
import { fencedCommitAccepted } from './fenced-commit-accepted.ts';
import { inconsistentOffsets } from './inconsistent-offsets.ts';
import { largestTimestamp } from './largest-timestamp.ts';
import { leaderEpochFell } from './leader-epoch-fell.ts';
import { lostSequence } from './lost-sequence.ts';
import { lostWrite } from './lost-write.ts';
import { neverCommitted } from './never-committed.ts';
import { neverSent } from './never-sent.ts';
import { nonmonotonicSend } from './nonmonotonic-send.ts';
import { oldTopicRead } from './old-topic-read.ts';
import { intNonmonotonicPoll, intPollSkip, nonmonotonicPoll, pollSkip } from './poll-positions.ts';
import { positionLost } from './position-lost.ts';
import { refusedChange } from './refused-change.ts';
import { uncommittedRead } from './uncommitted-read.ts';
import { unseen } from './unseen.ts';
import { wrongOffset } from './wrong-offset.ts';
import { wrongStart } from './wrong-start.ts';

/**
 * The checkers see each operation in this order. In the simulator, the first checker that finds a violation
 * ends the run.
 */
export const historyCheckers: readonly HistoryCheckerKind[] = [
  uncommittedRead,
  oldTopicRead,
  inconsistentOffsets,
  abortedRead,
  pollSkip,
  nonmonotonicPoll,
  intPollSkip,
  intNonmonotonicPoll,
  positionLost,
  damagedBatch,
  lostWrite,
  wrongOffset,
  duplicate,
  nonmonotonicSend,
  lostSequence,
  leaderEpochFell,
  largestTimestamp,
  neverSent,
  refusedChange,
  unseen,
  neverCommitted,
  commitLost,
  commitWentBack,
  fencedCommitAccepted,
  wrongStart,
  commitUnread,
];
