/**
 * An acknowledged commit of an offset is durable: each fetch that begins after the acknowledgement shows this
 * commit, or a commit that may have replaced it. A commit without an answer may take effect at any later
 * time.
 */
import { secondsText, valueText } from '../offset-registers.ts';
import { fetchChecker } from './offset-fetches.ts';

export const commitLost = fetchChecker(
  'commit-lost',
  'a fetch of committed offsets shows every commit that was acknowledged before, unless a later commit replaced it',
  ({ fetch, lost, candidates }) => {
    // The checker never-committed reports a fetched value that no client committed.
    if (lost === undefined || (fetch.offset >= 0 && candidates.length === 0)) return undefined;
    return `but ${valueText(lost)} of ${lost.client} was acknowledged at ${secondsText(lost.endedUs)}`;
  },
);
