/**
 * The header of a stored batch has the largest timestamp of its records, even if the client wrote another
 * timestamp there. The checker also judges the batches that have been deleted. Indexes and lookups by time
 * use the timestamp in the header until they open the batch. The simulator's producer sometimes writes a
 * wrong timestamp.
 */
import type { HistoryCheckerKind, HistoryScope } from '../checker.ts';
import { everyBatch } from '../past-batches.ts';

const NAME = 'wrong-largest-timestamp';

export const largestTimestamp: HistoryCheckerKind = {
  name: NAME,
  sentence: 'the header of each batch has the largest timestamp of its records',
  make: (scope) => ({ finish: () => check(scope) }),
};

function check(scope: HistoryScope): void {
  for (const log of scope.finalLogs.list()) {
    if (scope.isExempt(log)) continue;
    const { topic, partition } = log;
    for (const { header, largestTimestamp } of everyBatch(log)) {
      const { baseOffset, maxTimestamp, recordCount } = header;
      // As in Kafka, a batch of which compaction left no record keeps its timestamp.
      if (maxTimestamp === largestTimestamp || recordCount === 0) continue;
      const where = `${baseOffset} of ${topic}-${partition}`;
      scope.report(NAME, `the batch at ${where} says ${maxTimestamp}, its records say ${largestTimestamp}`);
    }
  }
}
