/** Goal: the page needs nothing else, and no text of a run can become part of its markup. */
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { htmlOf } from '../../src/report/html.ts';
import { modelOf } from '../../src/report/model.ts';
import { asLines, GOOD, shortRun } from '../support/history.ts';

const HOSTILE = '</script><script>alert(1)</script>&"';

async function page(sentence: string): Promise<string> {
  const model = await modelOf(asLines(shortRun()), { ...GOOD, sentence });
  return htmlOf(model);
}

test('the page fetches nothing', async () => {
  const html = await page(GOOD.sentence);
  expect(html).not.toMatch(/<(script|link|img|iframe)[^>]*\b(src|href)=/);
  expect(html).not.toMatch(/@import|url\(/);
});

test('the verdict, the faults and the command are plain text of the page', async () => {
  const html = await page(GOOD.sentence);
  for (const text of [
    'No promise was broken.',
    'kill -9 of 4',
    'npx millrace chaos run --scenario mine --seed 7',
  ])
    expect(html).toContain(text);
});

test('texts of the run are escaped, in the page and in its script', async () => {
  const html = await page(HOSTILE);
  expect(html).not.toContain('alert(1)</script>');
  expect(html).not.toContain('<b>leaders</b>');
  const [, json = ''] = /const model = (.*);<\/script>/.exec(html) ?? [];
  const model = runInNewContext(`(${json})`) as { verdict: { sentence: string } };
  expect(model.verdict.sentence).toBe(HOSTILE);
});
