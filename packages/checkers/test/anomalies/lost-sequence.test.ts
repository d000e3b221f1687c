import { describe } from 'vitest';
import { lostSequence } from '../../src/anomalies/lost-sequence.ts';
import { History } from '../../src/history.ts';
import { itFires } from '../support/histories.ts';

describe('lost-sequence', () => {
  const history = new History();
  history.sequenceLost('p1', 't', 0, 'p1-3');
  itFires(lostSequence, [[], { history }], [[]], /for p1-3 in t-0/);
});
