/**
 * Goal: whole clusters keep every promise while their controllers shorten the metadata log behind snapshots.
 * Method: a few seeds with small snapshots. Controllers of other runs take no snapshots.
 */
import { expect, test } from 'vitest';
import { planOf, storyText } from '../../src/index.ts';
import { simulateGuarded } from '../../src/io/index.ts';

test.each([2, 5, 7])('seed %i with small snapshots', (seed) => {
  const report = simulateGuarded({ ...planOf(seed), overrides: { cluster: { snapshotMaxBytes: 300 } } });
  expect(report.sentence).toBeUndefined();
  expect(storyText(report, { verbose: true })).toContain('metadata-snapshot-requested');
});
