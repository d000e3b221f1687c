import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { freePort, listenAgain } from '../../../src/testing/io/index.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listen(port: number): Promise<Server> {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  servers.push(server);
  return server;
}

test('free ports in a row can be listened on, and are given out once', async () => {
  const [first, second] = [await freePort(3), await freePort()];
  for (const port of [first, first + 1, first + 2, second]) await listen(port);
  expect([first, first + 1, first + 2]).not.toContain(second);
});

test('a port that stays taken for a moment is listened on when it is free', async () => {
  const port = await freePort();
  const taken = await listen(port);
  setTimeout(() => taken.close(), 50);
  const again = await listenAgain(() => listen(port));
  expect(again.address()).toMatchObject({ port });
});
