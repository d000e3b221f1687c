import { describe } from 'vitest';
import { duplicate } from '../../src/anomalies/duplicate.ts';
import { finalLog, itFires, send, sent } from '../support/histories.ts';

describe('duplicate', () => {
  itFires(
    duplicate,
    [sent, { logs: [finalLog(['p1-0', 'p1-1', 'p1-0'])] }],
    [[send(['p1-0'], { idempotent: false })], { logs: [finalLog(['p1-0', 'p1-0'])] }],
    /p1-0 is at 0 and at 2/,
  );
});
