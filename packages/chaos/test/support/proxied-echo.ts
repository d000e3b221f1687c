/** Servers on loopback that stand for nodes, the proxies in front of them, and clients that remember. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { freePort } from '@millrace/base/testing/io';
import { ProxyLinks } from '../../src/links/proxy-links.ts';

/** What a socket received, and how it ended. */
export class Received {
  readonly socket: Socket;
  text = '';
  bytes = 0;
  /** `end`: the peer sends no more. */
  hasEnded = false;
  error: string | undefined;
  isClosed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length;
      if (this.bytes < 1024 * 1024) this.text += chunk.toString('latin1');
    });
    socket.on('end', () => (this.hasEnded = true));
    socket.on('error', (error: NodeJS.ErrnoException) => (this.error = error.code));
    socket.on('close', () => (this.isClosed = true));
  }
}

/** A server that keeps what its connections receive. `echo`: it sends everything back. */
export class Backend {
  readonly server: Server;
  readonly accepted: Received[] = [];

  constructor(echo: boolean) {
    this.server = createServer({ allowHalfOpen: true }, (socket) => {
      this.accepted.push(new Received(socket));
      if (!echo) return;
      socket.on('data', (chunk: Buffer) => socket.write(chunk));
      socket.on('end', () => socket.end());
    });
  }

  async listen(): Promise<number> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return (this.server.address() as AddressInfo).port;
  }
}

/** Two nodes, 1 and 2, behind proxies. `close` ends everything that was opened with it. */
export class ProxiedEcho {
  readonly backends = new Map<number, Backend>();
  readonly proxyPorts = new Map<number, number>();
  readonly pids = new Map<number, number>();
  readonly #sockets: Socket[] = [];
  links!: ProxyLinks;

  static async start(echo = true): Promise<ProxiedEcho> {
    const it = new ProxiedEcho();
    const nodes = [];
    for (const id of [1, 2]) {
      const backend = new Backend(echo);
      it.backends.set(id, backend);
      const proxyPort = await freePort();
      it.proxyPorts.set(id, proxyPort);
      nodes.push({ id, proxyPort, nodePort: await backend.listen(), host: '127.0.0.1' });
    }
    it.links = await ProxyLinks.start({ nodes, pidOf: (id) => it.pids.get(id) });
    return it;
  }

  /** A client's connection to the proxy of the node. */
  connect(id = 1): Received {
    const socket = connect({ port: this.proxyPorts.get(id)!, host: '127.0.0.1', allowHalfOpen: true });
    this.#sockets.push(socket);
    return new Received(socket);
  }

  /** The connections that the node has accepted. */
  accepted(id = 1): Received[] {
    return this.backends.get(id)!.accepted;
  }

  async close(): Promise<void> {
    await this.links.close();
    for (const socket of this.#sockets) socket.destroy();
    for (const { server, accepted } of this.backends.values()) {
      for (const { socket } of accepted) socket.destroy();
      server.close();
    }
  }
}
