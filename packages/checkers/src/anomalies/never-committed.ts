/** A fetch shows only offsets that some client committed for this partition and this group. */
import { fetchChecker } from './offset-fetches.ts';

export const neverCommitted = fetchChecker(
  'never-committed',
  'a fetch of committed offsets shows only what a client committed for the partition',
  ({ fetch, candidates }) =>
    fetch.offset >= 0 && candidates.length === 0 ? 'and no client committed it' : undefined,
);
