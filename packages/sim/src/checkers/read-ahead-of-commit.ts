/** A consumer gets a record only after the high watermark of some replica has passed the record's offset. */
import type { Op } from '@millrace/checkers';
import type { StateCheckerKind, StateScope } from './checker.ts';

const NAME = 'read-ahead-of-commit';

export const readAheadOfCommit: StateCheckerKind = {
  name: NAME,
  sentence: 'no consumer gets a record before it is committed',
  make: (scope) => ({ op: (op) => check(scope, op) }),
};

function check(scope: StateScope, op: Op): void {
  if (op.type !== 'poll' || op.records.length === 0 || scope.isExempt(op)) return;
  const { offset } = op.records.at(-1)!;
  const { topic, topicId, partition } = op;
  const { ledger } = scope;
  const known = topicId === undefined ? ledger.named(topic, partition) : ledger.get(topicId, partition);
  const committedEnd = known?.committedEnd ?? 0;
  if (offset < committedEnd) return;
  scope.world.fail(
    NAME,
    `${op.client} was given ${offset} of ${topic}-${partition} by broker ${op.brokerId} when ${committedEnd} was committed`,
  );
}
