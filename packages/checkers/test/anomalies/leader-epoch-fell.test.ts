import { describe } from 'vitest';
import { leaderEpochFell } from '../../src/anomalies/leader-epoch-fell.ts';
import { finalLog, itFires, two, withoutBatches } from '../support/histories.ts';

describe('leader-epoch-fell', () => {
  const epochs = (...list: number[]) =>
    finalLog(
      list.map((_epoch, index) => `p1-${index}`),
      (index) => ({ leaderEpoch: list[index]! }),
    );
  itFires(
    leaderEpochFell,
    [[], { logs: [epochs(0, 2, 1)] }],
    [[], { logs: [epochs(0, 1, 2)] }],
    /from 2 to 1 at 2/,
  );
  const gap = finalLog(['a', 'b'], (index) => ({ baseOffset: 2 * index, lastOffset: 2 * index }));
  itFires(leaderEpochFell, [[], { logs: [gap] }], [[], { logs: [two] }], /gap before 2/);
  itFires(
    leaderEpochFell,
    [[], { logs: [withoutBatches(gap)] }],
    [[], { logs: [withoutBatches(epochs(0, 2, 1))] }],
    /t-0 has a gap/,
  );
  // The records have no gap, but according to its header the first batch ends within the second one.
  const overlap = finalLog(['a', 'b'], (index) => ({ lastOffset: index === 0 ? 1 : 2, lastOffsetDelta: 1 }));
  itFires(
    leaderEpochFell,
    [[], { logs: [overlap] }],
    [[], { logs: [withoutBatches(overlap)] }],
    /the batch at 1 of t-0 begins where 2 is next/,
  );
});
