/**
 * Goal: NodeNet does what the seam `Net` promises. Method: real sockets on loopback. In most tests the peer
 * is a plain socket of node:net.
 */
import net from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { Listener, Stream, StreamHandler } from '../../src/index.ts';
import { NodeNet } from '../../src/io/index.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

class Recorder implements StreamHandler {
  stream!: Stream;
  readonly events: string[] = [];
  received = 0;
  readonly #waiters: [() => boolean, () => void][] = [];

  opened(): void {
    this.#note('opened');
  }
  data(chunk: Uint8Array): void {
    this.received += chunk.length;
    this.#note(`data ${Buffer.from(chunk).toString('latin1').slice(0, 20)}`);
  }
  drained(): void {
    this.#note('drained');
  }
  closed(reason: string): void {
    this.#note(`closed: ${reason}`);
  }
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      if (condition()) resolve();
      else this.#waiters.push([condition, resolve]);
    });
  }
  untilEvent(start: string): Promise<void> {
    return this.until(() => this.events.some((event) => event.startsWith(start)));
  }
  #note(event: string): void {
    this.events.push(event);
    for (const [condition, resolve] of this.#waiters) if (condition()) resolve();
  }
}

async function server(hostName = '127.0.0.1'): Promise<{
  port: number;
  listener: Listener;
  net: NodeNet;
  accepted: Promise<Recorder>;
}> {
  const host = new NodeNet();
  let accept!: (recorder: Recorder) => void;
  const accepted = new Promise<Recorder>((resolve) => {
    accept = resolve;
  });
  return new Promise((resolve, reject) => {
    const listener = host.listen(
      { host: hostName, port: 0 },
      {
        listening: (port) => resolve({ port, listener, net: host, accepted }),
        failed: reject,
        connection(stream) {
          const recorder = new Recorder();
          recorder.stream = stream;
          accept(recorder);
          return recorder;
        },
      },
    );
    cleanups.push(() => {
      listener.close(() => {});
      host.destroyAll('test ends');
    });
  });
}

function client(port: number): net.Socket {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('error', () => {});
  cleanups.push(() => socket.destroy());
  return socket;
}

test('bytes travel both ways, in order; closed is called once when the peer closes', async () => {
  const { port, accepted } = await server();
  const recorder = new Recorder();
  const stream = new NodeNet().connect({ host: '127.0.0.1', port }, recorder);
  await recorder.untilEvent('opened');
  const peer = await accepted;
  expect(peer.stream.remoteAddress).toBe('127.0.0.1');
  stream.send([Buffer.from('a'), Buffer.from('b'), new Uint8Array([99])]);
  await peer.until(() => peer.received === 3);
  expect(peer.events).toEqual(['data abc']);
  peer.stream.send([Buffer.from('d')]);
  peer.stream.end();
  await recorder.untilEvent('closed');
  await peer.untilEvent('closed');
  expect(recorder.events).toEqual(['opened', 'data d', 'closed: closed by the peer']);
  expect(peer.events.filter((event) => event.startsWith('closed'))).toHaveLength(1);
});

test('a listener on all interfaces shows an IPv4 peer by its IPv4 address', async () => {
  const { port, accepted } = await server('');
  client(port);
  expect((await accepted).stream.remoteAddress).toBe('127.0.0.1');
});

test('a peer that does not read: send returns false, and drained follows when all bytes have left', async () => {
  const { port, accepted } = await server();
  const socket = client(port);
  socket.pause();
  const peer = await accepted;
  const chunk = new Uint8Array(1 << 20);
  let sent = 0;
  while (peer.stream.send([chunk])) expect(sent++).toBeLessThan(200);
  expect(peer.events).toEqual([]);
  let received = 0;
  socket.on('data', (bytes) => {
    received += bytes.length;
  });
  socket.resume();
  await peer.untilEvent('drained');
  expect(peer.events).toEqual(['drained']);
  expect(received).toBeGreaterThan(0);
});

test('after a send that returned true, drained is not called', async () => {
  const { port, accepted } = await server();
  client(port).resume();
  const peer = await accepted;
  expect(peer.stream.send([new Uint8Array(1000)])).toBe(true);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(peer.events).toEqual([]);
});

test('pause stops the bytes, resume lets them flow', async () => {
  const { port, accepted } = await server();
  const socket = client(port);
  const peer = await accepted;
  peer.stream.pause();
  socket.write('x'.repeat(1000));
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(peer.received).toBe(0);
  peer.stream.resume();
  await peer.until(() => peer.received === 1000);
});

test('when the peer resets the connection, closed gets the reason', async () => {
  const { port, accepted } = await server();
  const socket = client(port);
  const peer = await accepted;
  socket.resetAndDestroy();
  await peer.untilEvent('closed');
  expect(peer.events).toEqual(['closed: connection reset by the peer']);
});

test('destroy passes its reason to closed; a later send does nothing', async () => {
  const { port, accepted } = await server();
  client(port);
  const peer = await accepted;
  peer.stream.destroy('too large a frame');
  expect(peer.stream.send([new Uint8Array(1)])).toBe(true);
  await peer.untilEvent('closed');
  expect(peer.events).toEqual(['closed: too large a frame']);
});

test('without a listener at the address, the handler gets closed and never opened', async () => {
  const { port, listener } = await server();
  await new Promise<void>((resolve) => listener.close(resolve));
  const recorder = new Recorder();
  new NodeNet().connect({ host: '127.0.0.1', port }, recorder);
  await recorder.untilEvent('closed');
  expect(recorder.events).toHaveLength(1);
  expect(recorder.events[0]).toContain('ECONNREFUSED');
});

test('the error of a taken port is one sentence that says what to do', async () => {
  const { port } = await server();
  const error = await new Promise<Error>((resolve) => {
    new NodeNet().listen(
      { host: '127.0.0.1', port },
      { listening: () => {}, failed: resolve, connection: () => new Recorder() },
    );
  });
  expect(error.message).toBe(
    `127.0.0.1:${port} is taken by another program; stop that one, or give another port in listeners`,
  );
});

test('close of a listener leaves its connections open', async () => {
  const { port, listener, accepted } = await server();
  const socket = client(port);
  const peer = await accepted;
  await new Promise<void>((resolve) => listener.close(resolve));
  socket.write('x');
  await peer.until(() => peer.received === 1);
});
