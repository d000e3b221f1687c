import type { Server } from 'node:http';
import { expect, test, vi } from 'vitest';
import { serveHealth } from '../../src/io/health.ts';

const servers: Server[] = [];
vi.mock('node:http', async (importOriginal) => {
  const http = await importOriginal<typeof import('node:http')>();
  const createServer = (handler: Parameters<typeof http.createServer>[1]) => {
    const server = http.createServer(handler!);
    servers.push(server);
    return server;
  };
  return { ...http, createServer };
});

test('/health answers 503 until the node is ready, then 200; an unknown path gets 404', async () => {
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

test('an error of the listening server does not stop the node: the server answers later requests', async () => {
  const metrics = { contentType: 'text/plain', text: async () => '' };
  const health = await serveHealth(0, () => ({ ready: true, facts: {} }), metrics);
  servers.at(-1)!.emit('error', new Error('accept EMFILE'));
  servers.at(-1)!.emit('error', new Error('accept EMFILE'));
  expect((await fetch(`http://127.0.0.1:${health.port}/health`)).status).toBe(200);
  await health.close();
});
