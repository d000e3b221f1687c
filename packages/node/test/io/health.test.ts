import { expect, test } from 'vitest';
import { serveHealth } from '../../src/io/health.ts';

test('health: 503 until ready, then 200; 404 elsewhere', async () => {
  let ready = false;
  const metrics = { contentType: 'text/plain', text: async () => 'a_metric 1\n' };
  const health = await serveHealth(0, () => ({ ready, facts: { node: 4 } }), metrics);
  const url = `http://127.0.0.1:${health.port}/health`;
  expect((await fetch(url)).status).toBe(503);
  ready = true;
  const answer = await fetch(url);
  expect(answer.status).toBe(200);
  expect(await answer.json()).toEqual({ status: 'ready', node: 4 });
  expect((await fetch(`http://127.0.0.1:${health.port}/`)).status).toBe(404);
  const scraped = await fetch(`http://127.0.0.1:${health.port}/metrics`);
  expect([scraped.headers.get('content-type'), await scraped.text()]).toEqual(['text/plain', 'a_metric 1\n']);
  const broken = { contentType: 'text/plain', text: () => Promise.reject(new Error('a gauge failed')) };
  const other = await serveHealth(0, () => ({ ready, facts: {} }), broken);
  const refused = await fetch(`http://127.0.0.1:${other.port}/metrics`);
  expect([refused.status, await refused.text()]).toEqual([500, 'Error: a gauge failed\n']);
  await other.close();
  await expect(serveHealth(health.port, () => ({ ready, facts: {} }), metrics)).rejects.toThrow(
    /is taken by another program/,
  );
  await health.close();
});
