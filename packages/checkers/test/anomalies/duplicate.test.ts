import { describe } from 'vitest';
import { duplicate } from '../../src/anomalies/duplicate.ts';
import { finalLog, itFires, send, sent, trimmed } from '../support/histories.ts';

describe('duplicate', () => {
  itFires(
    duplicate,
    [sent, { logs: [finalLog(['p1-0', 'p1-1', 'p1-0'])] }],
    [[send(['p1-0'], { idempotent: false })], { logs: [finalLog(['p1-0', 'p1-0'])] }],
    /p1-0 is at 0 and at 2/,
  );
  const ofOne = finalLog(['p1-0', 'p1-1', 'p1-0'], () => ({ producerId: 9 }));
  // A broker forgets the producer only if it does not have the producer's last batch.
  itFires(
    duplicate,
    [sent, { logs: [trimmed(ofOne, 2, [0, 0, 1])] }],
    [sent, { logs: [trimmed(ofOne, 2, [0, 0, 2])] }],
    /p1-0 is at 0 and at 2/,
  );
  const ofOthers = finalLog(['p1-0', 'p1-1', 'p1-0'], (index) => ({ producerId: 9 + index }));
  itFires(
    duplicate,
    [sent, { logs: [trimmed(ofOthers, 2, [0, 0, 2])] }],
    [sent, { logs: [trimmed(ofOne, 3, [0, 0, 2])] }],
    /p1-0 is at 0 and at 2/,
  );
});
