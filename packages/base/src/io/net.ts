/**
 * Net over node:net: TCP without Nagle's delay. The chunks of one send leave in one gathered write. A peer
 * counts as slow while its socket has at least `UNSENT_BYTES_MAX` unsent bytes.
 *
 * All sockets read into one buffer, which the handler must not keep. A new buffer for each read would soon be
 * garbage outside of V8's heap. To free such garbage, V8 collects the whole heap. In a measurement these
 * collections took more than half of a busy broker's CPU time.
 */
import net from 'node:net';
import type { Address, Listener, Net, Stream, StreamHandler } from '../seams.ts';

/** `send` returns false when a socket has at least this many unsent bytes. */
const UNSENT_BYTES_MAX = 256 * 1024;
/** The most bytes of one read. */
const INPUT_BYTES = 256 * 1024;
const BACKLOG = 1024;
const KEEP_ALIVE_DELAY_MS = 60_000;

export class NodeNet implements Net {
  /** Every open connection, so that a node can end them all at once. */
  readonly #streams = new Set<NodeStream>();
  readonly #input = new Uint8Array(INPUT_BYTES);

  listen(
    address: Address,
    events: {
      listening(port: number): void;
      failed(error: Error): void;
      connection(stream: Stream): StreamHandler;
    },
  ): Listener {
    const server = net.createServer(
      {
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
        pauseOnConnect: true,
      },
      (accepted) => {
        const stream = new NodeStream((onread) => adopt(accepted, onread), this.#input, this.#streams);
        stream.attach(events.connection(stream));
      },
    );
    let settled = false;
    server.on('error', (error) => {
      // An error after the start, for example too many open files, concerns one incoming connection. The
      // system has already closed this connection.
      if (!settled) events.failed(listenError(address, error));
      settled = true;
    });
    server.on('listening', () => {
      settled = true;
      events.listening((server.address() as net.AddressInfo).port);
    });
    server.listen({
      port: address.port,
      backlog: BACKLOG,
      ...(address.host === '' ? {} : { host: address.host }),
    });
    return {
      close(done) {
        settled = true;
        // `done` must not wait for open connections. The server cannot wait for them anyway, because `adopt`
        // has taken them away from the server.
        server.close(() => {});
        setImmediate(done);
      },
    };
  }

  connect(address: Address, handler: StreamHandler): Stream {
    const open = (onread: OnRead) =>
      net.connect({
        host: address.host,
        port: address.port,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
        writableHighWaterMark: UNSENT_BYTES_MAX,
        onread,
      } as net.NetConnectOpts);
    const stream = new NodeStream(open, this.#input, this.#streams);
    stream.attach(handler);
    return stream;
  }

  /** Ends every open connection. */
  destroyAll(reason: string): void {
    for (const stream of [...this.#streams]) stream.destroy(reason);
  }
}

type OnRead = net.OnReadOpts;

/**
 * Turns an accepted socket into a socket that reads into the shared buffer (option `onread`). A server of
 * node:net cannot set this option for the sockets that it accepts.
 */
function adopt(accepted: net.Socket, onread: OnRead): net.Socket {
  const inner = accepted as unknown as { _handle: object | null };
  const options = { handle: inner._handle, writableHighWaterMark: UNSENT_BYTES_MAX, onread };
  inner._handle = null;
  accepted.destroy();
  return new net.Socket(options as net.SocketConstructorOpts);
}

class NodeStream implements Stream {
  readonly remoteAddress: string;
  readonly #socket: net.Socket;
  readonly #all: Set<NodeStream>;
  #handler: StreamHandler | undefined;
  #reason: string | undefined;
  /** Whether the last send returned false, so that the handler waits for `drained`. */
  #full = false;

  constructor(open: (onread: OnRead) => net.Socket, input: Uint8Array, all: Set<NodeStream>) {
    this.#socket = open({
      buffer: input,
      callback: (sizeBytes) => {
        this.#handler?.data(input.subarray(0, sizeBytes));
        return true;
      },
    });
    this.#all = all;
    this.remoteAddress = withoutMapping(this.#socket.remoteAddress ?? '');
    all.add(this);
  }

  attach(handler: StreamHandler): void {
    const socket = this.#socket;
    this.#handler = handler;
    socket.on('drain', () => {
      if (!this.#full) return;
      this.#full = false;
      handler.drained();
    });
    socket.on('connect', () => handler.opened?.());
    socket.on('end', () => {
      this.#reason ??= 'closed by the peer';
    });
    socket.on('error', (error) => {
      this.#reason ??= describe(error);
    });
    socket.on('close', () => {
      this.#all.delete(this);
      handler.closed(this.#reason ?? 'closed');
    });
  }

  send(chunks: readonly Uint8Array[]): boolean {
    const socket = this.#socket;
    if (socket.destroyed || socket.writableEnded) return true;
    if (chunks.length === 1) {
      socket.write(chunks[0]!);
    } else {
      socket.cork();
      for (const chunk of chunks) socket.write(chunk);
      socket.uncork();
    }
    // write() also returns false for a large answer that the system has accepted at once. So the number of
    // unsent bytes decides.
    this.#full = this.unsentBytes >= UNSENT_BYTES_MAX;
    return !this.#full;
  }

  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#reason ??= 'ended';
    this.#socket.destroySoon();
  }

  destroy(reason: string): void {
    this.#reason ??= reason;
    this.#socket.destroy();
  }
}

function describe(error: NodeJS.ErrnoException): string {
  if (error.code === 'ECONNRESET' || error.code === 'EPIPE') return 'connection reset by the peer';
  return error.message === '' ? (error.code ?? 'connection failed') : error.message;
}

function listenError(address: Address, error: NodeJS.ErrnoException): Error {
  const where = `${address.host === '' ? 'port' : `${address.host}:`}${address.host === '' ? ' ' : ''}${address.port}`;
  if (error.code === 'EADDRINUSE')
    return new Error(
      `${where} is taken by another program; stop that one, or give another port in listeners`,
    );
  if (error.code === 'EACCES')
    return new Error(`${where} is not allowed for this user; give a port above 1023 in listeners`);
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND')
    return new Error(`${address.host} is not an address of this machine; give another host in listeners`);
  return new Error(`cannot listen on ${where}: ${error.message}`);
}

/** A socket for both IPv4 and IPv6 shows the IPv4 peer `10.0.0.5` as `::ffff:10.0.0.5`. */
function withoutMapping(address: string): string {
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address) ? address.slice('::ffff:'.length) : address;
}
