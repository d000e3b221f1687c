/**
 * Leader epochs never decrease along a log: followers use them to find the point of divergence. The offset of
 * each record is one more than the offset of the record before. The base offset of each batch is one more
 * than the last offset of the batch before. If compaction may have left gaps in the log, offsets must only
 * rise.
 */
import type { LeaderEpoch, Offset } from '@millrace/base';
import type { HistoryCheckerKind, HistoryScope } from '../checker.ts';
import type { FinalLog } from '../final-logs.ts';

const NAME = 'leader-epoch-fell';

export const leaderEpochFell: HistoryCheckerKind = {
  name: NAME,
  sentence: 'along a log, leader epochs never fall and offsets have no gaps',
  make: (scope) => ({
    finish: () => {
      for (const log of scope.finalLogs.list()) if (!scope.isExempt(log)) check(scope, log);
    },
  }),
};

function check(
  scope: HistoryScope,
  { topic, partition, records, batches = [], mayHaveGaps = false }: FinalLog,
): void {
  const name = `${topic}-${partition}`;
  const follows = (offset: Offset, end: Offset): boolean => (mayHaveGaps ? offset >= end : offset === end);
  let epoch: LeaderEpoch | undefined;
  let next: Offset | undefined;
  for (const { offset, leaderEpoch } of records) {
    if (epoch !== undefined && leaderEpoch !== undefined && leaderEpoch < epoch)
      scope.report(NAME, `it goes from ${epoch} to ${leaderEpoch} at ${offset} of ${name}`);
    if (next !== undefined && !follows(offset, next))
      scope.report(NAME, `${name} has a gap before ${offset}`);
    epoch = leaderEpoch ?? epoch;
    next = offset + 1;
  }
  let end: Offset | undefined;
  for (const { header } of batches) {
    if (end !== undefined && !follows(header.baseOffset, end))
      scope.report(NAME, `the batch at ${header.baseOffset} of ${name} begins where ${end} is next`);
    end = header.lastOffset + 1;
  }
}
