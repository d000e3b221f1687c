import { describe } from 'vitest';
import { neverCommitted } from '../../src/anomalies/never-committed.ts';
import { commit, fetchOffset, itFires } from '../support/histories.ts';

describe('never-committed', () => {
  itFires(
    neverCommitted,
    [[commit(5, 1, 2), fetchOffset(7, 3, 4)]],
    [[commit(5, 1, 2), fetchOffset(5, 3, 4), fetchOffset(-1, 3, 4)]],
    /fetched 7 for t-0 in group g .* no client committed it/,
  );
  itFires(
    neverCommitted,
    [[commit(5, 1, 2, { metadata: 'a' }), fetchOffset(5, 3, 4)]],
    [[commit(5, 1, 2, { outcome: 'info' }), fetchOffset(5, 3, 4)]],
    /fetched 5 for/,
  );
  itFires(
    neverCommitted,
    [[fetchOffset(5, 1, 2), commit(5, 3, 4)]],
    [[fetchOffset(5, 1, 4), commit(5, 3, 5)]],
    /fetched 5 for/,
  );
});
