import { describe } from 'vitest';
import { abortedRead } from '../../src/anomalies/aborted-read.ts';
import { itFires, poll, send } from '../support/histories.ts';

describe('aborted-read', () => {
  const failed = send(['p1-0'], { outcome: 'fail', error: 'NOT_ENOUGH_REPLICAS' });
  itFires(
    abortedRead,
    [[failed, poll(0, [[0, 'p1-0']])]],
    [[failed, poll(0, [[0, 'p1-1']])]],
    /q1 read p1-0 of t/,
  );
  itFires(abortedRead, [[poll(0, [[0, 'p1-0']]), failed]], [[failed]], /NOT_ENOUGH_REPLICAS/);
  const unknown = send(['p1-0'], { outcome: 'info', error: 'disconnected' });
  itFires(abortedRead, [[failed, poll(0, [[0, 'p1-0']])]], [[unknown, poll(0, [[0, 'p1-0']])]], /had failed/);
});
