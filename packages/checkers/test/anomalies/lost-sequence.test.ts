import { describe } from 'vitest';
import { lostSequence } from '../../src/anomalies/lost-sequence.ts';
import { History } from '../../src/history.ts';
import { itFires } from '../support/histories.ts';

describe('lost-sequence', () => {
  const history = new History();
  history.sequenceLost({ client: 'p1', topic: 't', topicId: undefined, partition: 0, value: 'p1-3' });
  itFires(lostSequence, [[], { history }], [[]], /for p1-3 in t-0/);
});
