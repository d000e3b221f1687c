/**
 * Ports for tests that must know a port before somebody listens on it. A test must not find a port by
 * listening on it. While another thread of the process starts a child process, the child has a copy of the
 * listening socket for some milliseconds, until it runs its program. So the port stays taken after the
 * socket has closed.
 */
import { randomInt } from 'node:crypto';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * The ports lie below those that Linux gives to outgoing connections and to listeners on port 0, and below
 * those of `startCluster`. The same holds for the controllers of `millrace cluster start --port`: their ports
 * are 1,000 higher.
 */
const PORT_MIN = 5_000;
const PORT_MAX = 19_000;
const TRIES = 100;
/** The ports that this thread has given out. Nobody may listen on them yet. */
const given = new Set<number>();

/** Returns the first of `count` successive ports of loopback on which nobody listens. */
export async function freePort(count = 1): Promise<number> {
  for (let tries = 0; tries < TRIES; tries++) {
    const first = randomInt(PORT_MIN, PORT_MAX - count);
    const ports = Array.from({ length: count }, (_, index) => first + index);
    const taken = await Promise.all(ports.map(hasListener));
    if (taken.includes(true) || ports.some((port) => given.has(port))) continue;
    for (const port of ports) given.add(port);
    return first;
  }
  throw new Error(`found no ${count} free ports from ${PORT_MIN} to ${PORT_MAX}`);
}

/**
 * Calls `listen` until it succeeds, for at most two seconds. For a test that listens on a port again that it
 * has just closed.
 */
export async function listenAgain<T>(listen: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await listen();
    } catch (error) {
      if (tries === TRIES) throw error;
      await sleep(20);
    }
  }
}

function hasListener(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
