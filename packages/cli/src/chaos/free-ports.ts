/** Finds ports for the nodes of a local cluster, and for the proxies in front of them. */
import { createServer } from 'node:net';

const TRIES = 200;

/**
 * Draws a base port P, so that P + d is free on loopback for each of the distances. Throws if it finds none.
 */
export async function freeBasePort(distances: readonly number[]): Promise<number> {
  for (let i = 0; i < TRIES; i++) {
    const base = 20_000 + Math.floor(Math.random() * 500) * 20;
    const free = await Promise.all(distances.map((distance) => isFree(base + distance)));
    if (free.every(Boolean)) return base;
  }
  throw new Error(`no ${distances.length} free ports found between 20000 and 32000`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1' }, () => server.close(() => resolve(true)));
  });
}
