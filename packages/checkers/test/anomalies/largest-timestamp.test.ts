import { describe } from 'vitest';
import { largestTimestamp } from '../../src/anomalies/largest-timestamp.ts';
import { finalLog, itFires, trimmed, two, withoutBatches } from '../support/histories.ts';

describe('wrong-largest-timestamp', () => {
  const wrong = finalLog(['p1-0', 'p1-1'], (index) => ({ maxTimestamp: index * 5 - 1 }));
  itFires(
    largestTimestamp,
    [[], { logs: [wrong] }],
    [[], { logs: [two] }],
    /the batch at 1 of t-0 says 4, its records say -1/,
  );
  itFires(largestTimestamp, [[], { logs: [wrong] }], [[], { logs: [withoutBatches(wrong)] }], /at 1/);
  itFires(largestTimestamp, [[], { logs: [trimmed(wrong, 2)] }], [[], { logs: [trimmed(two, 2)] }], /at 1/);
});
