/**
 * Goal: whole clusters keep every promise while their controllers delete the metadata log behind snapshots.
 * Method: a few seeds, in which controllers and brokers must load snapshots.
 */
import { expect, test } from 'vitest';
import { planOf, storyText } from '../../src/index.ts';
import { simulateGuarded } from '../../src/io/index.ts';

const settings = { 'metadata.log.max.record.bytes.between.snapshots': '300' };

test.each([2, 5, 7])('seed %i with small snapshots', (seed) => {
  const report = simulateGuarded({ ...planOf(seed), overrides: { cluster: { settings } } });
  expect(report.sentence).toBeUndefined();
  const story = storyText(report, { verbose: true });
  expect(story).toContain('quorum-log-trimmed');
  expect(story).toContain('metadata-snapshot-loaded');
});
