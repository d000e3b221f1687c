/**
 * The header of a stored batch has the largest timestamp of its records, even when the client wrote another
 * one there. Indexes and lookups by time rely on it until they open a batch. Some producers of a run write a
 * wrong one (`producer.ts`).
 */
import type { CheckerKind, CheckScope } from './checker.ts';

const NAME = 'wrong-largest-timestamp';

export const largestTimestamp: CheckerKind = {
  name: NAME,
  sentence: 'the header of each batch has the largest timestamp of its records',
  make: (scope) => ({ finish: () => check(scope) }),
};

function check({ world, finalLogs, isDeleted }: CheckScope): void {
  for (const { topic, partition, headers, largestTimestamps } of finalLogs.list()) {
    if (isDeleted(topic)) continue;
    for (const [index, header] of headers.entries()) {
      const { baseOffset, maxTimestamp } = header;
      const largest = largestTimestamps[index]!;
      if (maxTimestamp === largest) continue;
      const where = `${baseOffset} of ${topic}-${partition}`;
      world.fail(NAME, `the batch at ${where} says ${maxTimestamp}, its records say ${largest}`);
    }
  }
}
