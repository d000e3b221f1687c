import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type Listener, RpcError, type RpcPeer, type RpcService, type RpcStream } from '@millrace/base';
import { listenAgain } from '@millrace/base/testing/io';
import { expect, test } from 'vitest';
import { CALLS_METHOD } from '../../src/io/calls.ts';
import { GrpcRpc } from '../../src/io/index.ts';

const utf8 = (text: string) => new TextEncoder().encode(text);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

/**
 * Answers a call with its method and body. Never answers the method `silent`, and refuses the method
 * `refuse`.
 */
const echo: RpcService = {
  call: (method, body, reply) => {
    if (method === 'silent') return;
    if (method === 'refuse') reply(new RpcError('refused', 'not here'));
    else reply(utf8(`${method}:${text(body)}`));
  },
  stream: (method, stream) => ({
    message: (body) => {
      if (text(body) === 'bye') stream.close();
      else stream.send(utf8(`${method}:${text(body)}`));
    },
    closed: () => {},
  }),
};

function serve(service: RpcService = echo, port = 0): Promise<{ port: number; listener: Listener }> {
  return new Promise((done, failed) => {
    const listener = new GrpcRpc().serve({ host: '127.0.0.1', port }, service, {
      listening: (bound) => done({ port: bound, listener }),
      failed,
    });
  });
}
const close = (listener: Listener) => new Promise<void>((done) => listener.close(done));
const channelTo = (port: number) => new GrpcRpc().channel({ host: '127.0.0.1', port });
type Channel = ReturnType<typeof channelTo>;
const call = (channel: Channel, method: string, body: Uint8Array, timeoutMs = 5000) =>
  new Promise<string>((done) =>
    channel.call(method, body, timeoutMs, (answer) =>
      done(answer instanceof RpcError ? `${answer.kind}` : text(answer)),
    ),
  );

test('a call is answered; method and body arrive as they were sent', async () => {
  const { port, listener } = await serve();
  const channel = channelTo(port);
  expect(await call(channel, 'raft.vote', utf8('é\0'))).toBe('raft.vote:é\0');
  expect(await call(channel, 'empty', utf8(''))).toBe('empty:');
  const big = 'x'.repeat(20 << 20);
  expect((await call(channel, 'big', utf8(big))).length).toBe(big.length + 4);
  channel.close();
  await close(listener);
});

test('a service learns who calls: the address of a call, of a large call, and of a stream', async () => {
  const peers: RpcPeer[] = [];
  const { port, listener } = await serve({
    call: (_method, _body, reply, peer) => {
      peers.push(peer);
      reply(utf8(''));
    },
    stream: (_method, stream, peer) => {
      peers.push(peer);
      stream.close();
      return { message: () => {}, closed: () => {} };
    },
  });
  const channel = channelTo(port);
  await call(channel, 'small', utf8('x'));
  await call(channel, 'large', utf8('x'.repeat(100_000)));
  await openStream(channel, 'a').end;
  const [first] = peers;
  expect(first!.address).toMatch(/^127\.0\.0\.1:\d+$/);
  expect(first!.address).not.toBe(`127.0.0.1:${port}`);
  // One connection carries both calls and the stream. Without TLS, the caller has no certified name.
  expect(peers).toEqual(Array(3).fill({ address: first!.address, certifiedName: undefined }));
  channel.close();
  await close(listener);
});

test('a missing answer is a timeout; a refusal reaches the caller', async () => {
  const { port, listener } = await serve();
  const channel = channelTo(port);
  expect(await call(channel, 'silent', utf8(''), 50)).toBe('timeout');
  expect(await call(channel, 'refuse', utf8(''))).toBe('refused');
  channel.close();
  await close(listener);
});

test('without a server a call is unavailable at once; a server cannot listen on a port in use', async () => {
  const { port, listener } = await serve();
  await expect(serve(echo, port)).rejects.toThrow(/in use|EADDRINUSE|No address/);
  await close(listener);
  const channel = channelTo(port);
  const start = performance.now();
  expect(await call(channel, 'x', utf8(''))).toBe('unavailable');
  expect(performance.now() - start).toBeLessThan(1000);
  channel.close();
});

test('a closing server fails parked calls; the client soon reaches a new server at the same port', async () => {
  const first = await serve();
  const channel = channelTo(first.port);
  await call(channel, 'warm', utf8(''));
  const parked = call(channel, 'silent', utf8(''));
  await sleep(20);
  await close(first.listener);
  expect(await parked).toBe('unavailable');
  // The service stays down for so many calls that the client waits longer between its attempts to connect.
  for (let tries = 0; tries < 20; tries++) {
    expect(await call(channel, 'x', utf8(''))).toBe('unavailable');
    await sleep(20);
  }
  const second = await listenAgain(() => serve(echo, first.port));
  const start = performance.now();
  while ((await call(channel, 'x', utf8(''))) !== 'x:') await sleep(5);
  expect(performance.now() - start).toBeLessThan(400);
  channel.close();
  await close(second.listener);
});

test('a closed channel fails its calls and accepts no more', async () => {
  const { port, listener } = await serve();
  const channel = channelTo(port);
  await call(channel, 'warm', utf8(''));
  const parked = call(channel, 'silent', utf8(''));
  channel.close();
  expect(await parked).toBe('unavailable');
  expect(await call(channel, 'x', utf8(''))).toBe('unavailable');
  await close(listener);
});

function openStream(channel: Channel, method: string) {
  const heard: string[] = [];
  let closed: ((reason: string) => void) | undefined;
  const end = new Promise<string>((done) => {
    closed = done;
  });
  const stream: RpcStream = channel.openStream(method, {
    message: (body) => heard.push(text(body)),
    closed: (reason) => closed?.(reason),
  });
  return { heard, end, stream };
}

test('a stream carries messages in order, both ways; the client notices when the server closes the stream', async () => {
  const { port, listener } = await serve();
  const channel = channelTo(port);
  const { heard, end, stream } = openStream(channel, 's');
  for (let index = 0; index < 100; index++) stream.send(utf8(String(index)));
  stream.send(utf8('bye'));
  await end;
  expect(heard).toEqual(Array.from({ length: 100 }, (_, index) => `s:${index}`));
  channel.close();
  await close(listener);
});

test('each side notices that the other closed the stream, or died', async () => {
  const ends: string[] = [];
  const service: RpcService = {
    ...echo,
    stream: () => ({ message: () => {}, closed: (reason) => void ends.push(reason) }),
  };
  const { port, listener } = await serve(service);
  const channel = channelTo(port);
  const polite = openStream(channel, 'a');
  await sleep(50);
  polite.stream.close();
  await polite.end;
  await sleep(50);
  expect(ends).toEqual(['closed by the peer']);
  const cut = openStream(channel, 'b');
  await sleep(50);
  channel.close();
  await cut.end;
  await sleep(50);
  expect(ends).toHaveLength(2);
  const another = channelTo(port);
  const left = openStream(another, 'c');
  await sleep(50);
  await close(listener);
  await left.end;
  expect(ends).toHaveLength(3);
  another.close();
});

test('a stream to a port without a server is closed', async () => {
  const { port, listener } = await serve();
  await close(listener);
  const channel = channelTo(port);
  expect(await openStream(channel, 'x').end).not.toBe('');
  channel.close();
});

test('the calls of one channel, small and large, are answered in any order', async () => {
  const parked: (() => void)[] = [];
  const service: RpcService = {
    ...echo,
    call: (method, body, reply) => {
      if (method === 'park') parked.push(() => reply(body));
      else reply(body);
    },
  };
  const { port, listener } = await serve(service);
  const channel = channelTo(port);
  const slow = call(channel, 'park', utf8('slow'));
  const answers = await Promise.all(
    Array.from({ length: 500 }, (_, index) =>
      call(channel, 'x', utf8(`${index} ${'y'.repeat(index % 50 === 0 ? 100_000 : index)}`)),
    ),
  );
  expect(answers.map((answer) => Number(answer.split(' ')[0]))).toEqual(
    Array.from({ length: 500 }, (_, index) => index),
  );
  for (const answer of parked) answer();
  expect(await slow).toBe('slow');
  channel.close();
  await close(listener);
});

test('an answer that comes after the timeout of its call is dropped, and later calls are answered', async () => {
  const late: ((answer: Uint8Array) => void)[] = [];
  const service: RpcService = {
    ...echo,
    call: (method, body, reply) => {
      if (method === 'open') reply(body);
      else late.push(reply);
    },
  };
  const { port, listener } = await serve(service);
  const channel = channelTo(port);
  // Opens the stream first, because a call that times out before that never reaches the service.
  await call(channel, 'open', utf8(''));
  expect(await call(channel, 'a', utf8(''), 30)).toBe('timeout');
  const second = call(channel, 'b', utf8(''));
  while (late.length < 2) await sleep(5);
  late[0]!(utf8('late'));
  late[1]!(utf8('right'));
  expect(await second).toBe('right');
  channel.close();
  await close(listener);
});

test('an answer too large for a message is refused, and harms no other call', async () => {
  const service: RpcService = {
    ...echo,
    call: (_method, body, reply) => reply(body.length > 0 ? body : new Uint8Array(64 << 20)),
  };
  const { port, listener } = await serve(service);
  const channel = channelTo(port);
  const both = Promise.all([call(channel, 'x', utf8('')), call(channel, 'x', utf8('small'))]);
  expect(await both).toEqual(['refused', 'small']);
  channel.close();
  await close(listener);
});

test('malformed bytes end their stream and nothing else', async () => {
  const { port, listener } = await serve();
  const channel = channelTo(port);
  const { end, stream } = openStream(channel, CALLS_METHOD);
  stream.send(new Uint8Array([0x0a, 0xff, 0xff, 0xff]));
  await end;
  expect(await call(channel, 'x', utf8(''))).toBe('x:');
  channel.close();
  await close(listener);
});

test('the answers of a closing server arrive', async () => {
  const service: RpcService = {
    ...echo,
    call: (_method, body, reply) => {
      reply(body);
      listener.close(() => {});
    },
  };
  const { port, listener } = await serve(service);
  const channel = channelTo(port);
  expect(await call(channel, 'x', utf8('last words'))).toBe('last words');
  channel.close();
});

test('a call that timed out before the peer accepted the stream never arrives', async () => {
  const arrived: string[] = [];
  const service: RpcService = {
    ...echo,
    call: (_method, body, reply) => {
      arrived.push(text(body));
      reply(body);
    },
  };
  const { port, listener } = await serve(service);
  const frozen = new FrozenProxy(port);
  const channel = channelTo(await frozen.listen());
  const early = Array.from({ length: 50 }, (_, index) => call(channel, 'x', utf8(`early ${index}`), 50));
  expect(new Set(await Promise.all(early))).toEqual(new Set(['timeout']));
  const last = call(channel, 'x', utf8('last'));
  await sleep(50);
  frozen.thaw();
  expect(await last).toBe('last');
  expect(arrived).toEqual(['last']);
  channel.close();
  await close(listener);
  frozen.close();
});

test('a stream closed before the peer accepted it never arrives; a stream that stays open delivers all its messages', async () => {
  const arrived: string[] = [];
  const service: RpcService = {
    ...echo,
    stream: (method) => ({
      message: (body) => void arrived.push(`${method} ${text(body)}`),
      closed: () => void arrived.push(`${method} closed`),
    }),
  };
  const { port, listener } = await serve(service);
  const frozen = new FrozenProxy(port);
  const channel = channelTo(await frozen.listen());
  for (let index = 0; index < 20; index++) {
    const { end, stream } = openStream(channel, 'left');
    stream.send(utf8(String(index)));
    stream.close();
    await end;
  }
  const { stream } = openStream(channel, 'kept');
  for (const message of ['a', 'b']) stream.send(utf8(message));
  await sleep(50);
  frozen.thaw();
  while (arrived.length < 2) await sleep(5);
  stream.close();
  while (arrived.length < 3) await sleep(5);
  expect(arrived).toEqual(['kept a', 'kept b', 'kept closed']);
  channel.close();
  await close(listener);
  frozen.close();
});

/** A proxy that accepts connections but forwards nothing before `thaw`, like a stopped process. */
class FrozenProxy {
  private readonly server = createServer({ pauseOnConnect: true }, (near) => {
    this.waiting.push(near);
    if (this.isThawed) this.thaw();
  });
  private readonly waiting: Socket[] = [];
  private readonly sockets: Socket[] = [];
  private readonly port: number;
  private isThawed = false;

  constructor(port: number) {
    this.port = port;
  }

  listen(): Promise<number> {
    return new Promise((done) => {
      this.server.listen(0, '127.0.0.1', () => done((this.server.address() as AddressInfo).port));
    });
  }

  thaw(): void {
    this.isThawed = true;
    for (const near of this.waiting.splice(0)) {
      const far = connect(this.port, '127.0.0.1');
      for (const socket of [near, far]) this.sockets.push(socket.on('error', () => {}));
      near.pipe(far).pipe(near);
    }
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }
}
