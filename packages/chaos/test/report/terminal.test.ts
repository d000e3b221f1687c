import { expect, test } from 'vitest';
import { modelOf } from '../../src/report/model.ts';
import { terminalText } from '../../src/report/terminal.ts';
import type { Anomaly } from '../../src/types.ts';
import { asLines, GOOD, shortRun } from '../support/history.ts';

const lost: Anomaly = {
  name: 'lost-write',
  promise: 'no acknowledged record is lost',
  sentence: 'writer-1-1 is lost',
  topic: 'orders',
  partition: 0,
  allowedBecause: undefined,
  around: [],
};

test('the summary begins with the verdict, and has the waits and the clients', async () => {
  const text = terminalText(await modelOf(asLines(shortRun()), GOOD));
  expect(text.split('\n')).toEqual([
    'No promise was broken.',
    '',
    'Scenario mine on Millrace, seed 7, 3 s.',
    '',
    'Longest time without an acknowledgement, for each fault and writer:',
    'fault         times  median     p99     max',
    'crash-leader      1  800 ms  800 ms  800 ms',
    '',
    'client    sent  acknowledged  failed  unknown  read',
    'writer-1     5             4       0        1     0',
    'reader-1     0             0       0        0     1',
  ]);
});

test('the summary names the anomalies, and says which the settings allow', async () => {
  const anomalies = [lost, { ...lost, allowedBecause: 'acks=1 may lose records' }];
  const text = terminalText(await modelOf(asLines(shortRun()), { ...GOOD, isGood: false, anomalies }));
  expect(text).toContain('BROKEN  lost-write: writer-1-1 is lost\n');
  expect(text).toContain('allowed lost-write: writer-1-1 is lost (acks=1 may lose records)');
  const many = Array.from({ length: 20 }, () => lost);
  expect(terminalText(await modelOf(asLines(shortRun()), { ...GOOD, anomalies: many }))).toContain(
    '… and 12 more',
  );
});
