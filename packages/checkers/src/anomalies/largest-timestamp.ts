/**
 * The header of a stored batch has the largest timestamp of the batch's records, even if the client wrote
 * another timestamp into the header. The time index has the header's timestamp, and a lookup by time decides
 * by it which batch to open. The checker also judges batches that have been deleted. If compaction dropped
 * records of a batch, the checker judges the batch before and after compaction. The simulator's producer
 * sometimes writes a wrong timestamp into the header.
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
    const compacted = log.committed === undefined ? [] : (log.batches ?? []);
    for (const { header, largestTimestamp } of [...everyBatch(log), ...compacted]) {
      const { baseOffset, maxTimestamp, recordCount } = header;
      // As in Kafka, a batch keeps its largest timestamp when compaction has removed all of its records.
      if (maxTimestamp === largestTimestamp || recordCount === 0) continue;
      const where = `${baseOffset} of ${topic}-${partition}`;
      scope.report(NAME, `the batch at ${where} says ${maxTimestamp}, its records say ${largestTimestamp}`);
    }
  }
}
