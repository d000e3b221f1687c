/**
 * All clients see the commits of a partition's offset in one order: after a fetch has shown a commit, no
 * later fetch shows a commit that this one replaced. This also holds for commits without an answer.
 */
import { secondsText, valueText } from '../offset-registers.ts';
import { fetchChecker } from './offset-fetches.ts';

export const commitWentBack = fetchChecker(
  'commit-went-back',
  'when a fetch of committed offsets has shown a commit, no later fetch shows a commit that this one replaced',
  ({ later }) => later && `but ${later.client} fetched ${valueText(later)} at ${secondsText(later.endedUs)}`,
);
