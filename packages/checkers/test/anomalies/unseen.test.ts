import { describe } from 'vitest';
import { unseen } from '../../src/anomalies/unseen.ts';
import { itFires, poll, sent } from '../support/histories.ts';

describe('unseen', () => {
  const first: [number, string] = [0, 'p1-0'];
  itFires(unseen, [[...sent, poll(0, [first])]], [[...sent, poll(0, [first, [1, 'p1-1']])]], /p1-1/);
});
