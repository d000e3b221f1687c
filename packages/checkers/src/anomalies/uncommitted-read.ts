/**
 * A consumer gets only committed records: each record lies below the high watermark that the same answer
 * gives.
 */
import type { HistoryCheckerKind, HistoryScope } from '../checker.ts';
import { byBroker, type Op } from '../history.ts';

const NAME = 'uncommitted-read';

export const uncommittedRead: HistoryCheckerKind = {
  name: NAME,
  sentence: 'no consumer gets a record at or above the high watermark of the answer',
  make: (scope) => ({ op: (op) => check(scope, op) }),
};

function check(scope: HistoryScope, op: Op): void {
  if (op.type !== 'poll' || op.records.length === 0 || scope.isExempt(op)) return;
  if (op.highWatermark === undefined) return;
  const { offset } = op.records.at(-1)!;
  if (offset < op.highWatermark) return;
  const name = `${op.topic}-${op.partition}`;
  scope.report(
    NAME,
    `${op.client} was given ${offset} of ${name} with the high watermark ${op.highWatermark}${byBroker(op.brokerId)}`,
  );
}
