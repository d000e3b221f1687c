import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { deriveOpenFilesMax, openFilesLimit } from '../../src/io/open-files-limit.ts';

const folder = mkdtempSync(join(tmpdir(), 'limits-'));
afterAll(() => rmSync(folder, { recursive: true }));

function limitIn(line: string): number {
  const path = join(folder, 'limits');
  writeFileSync(
    path,
    `Limit                     Soft Limit  Hard Limit  Units\n${line}\nMax locked memory  8  8  bytes\n`,
  );
  return openFilesLimit(path);
}

test('the limit is the soft limit of the process', () => {
  expect(limitIn('Max open files            1024        4096        files')).toBe(1024);
  expect(limitIn('Max open files            unlimited   unlimited   files')).toBe(Number.POSITIVE_INFINITY);
  expect(limitIn('Max processes             1           1           processes')).toBe(
    Number.POSITIVE_INFINITY,
  );
});

test('the process of this test has the limit that its shell shows', () => {
  const shown = execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim();
  expect(openFilesLimit()).toBe(shown === 'unlimited' ? Number.POSITIVE_INFINITY : Number(shown));
});

test('where no file shows the limits, Node reports the same limit', () => {
  expect(openFilesLimit(join(folder, 'missing'))).toBe(openFilesLimit());
});

test('the logs may open half of the limit, within bounds', () => {
  expect([256, 1024, 1_048_576, Number.POSITIVE_INFINITY, 20].map(deriveOpenFilesMax)).toEqual([
    128, 512, 32_768, 32_768, 64,
  ]);
});
