/** The Net seam of one process: byte streams over simulated connections. */
import type { Address, Listener, Net, Random, Stream, StreamHandler } from '@millrace/base';
import type { Life } from '../world/index.ts';
import type { End } from './connection.ts';
import { dial } from './dial.ts';
import type { Network } from './network.ts';

/** The size of the operating system's send buffer. */
const SOCKET_BUFFER_BYTES = 128 * 1024;
const UNSENT_BYTES_MAX = 256 * 1024;
const GARBAGE = 0xdd;

export class SimNet implements Net {
  private readonly network: Network;
  private readonly life: Life;
  private streams = 0;
  private nextPort = 40_000;

  constructor(network: Network, life: Life) {
    this.network = network;
    this.life = life;
  }

  listen(
    address: Address,
    events: {
      listening(port: number): void;
      failed(error: Error): void;
      connection(stream: Stream): StreamHandler;
    },
  ): Listener {
    const { network, life } = this;
    const port = address.port === 0 ? this.nextPort++ : address.port;
    const isFree = network.listen(life, port, {
      kind: 'net',
      accept: (end) => this.accept(end, (stream) => events.connection(stream)),
    });
    life.arrives(0, () => {
      if (isFree) events.listening(port);
      else events.failed(new Error(`${address.host}:${port} is taken by another program`));
    });
    return {
      close(done) {
        if (isFree) network.unlisten(life, port);
        life.arrives(0, done);
      },
    };
  }

  connect(address: Address, handler: StreamHandler): Stream {
    const stream = new SimStream(this.network, this.life, this.drawManners(), address.host);
    stream.handler = handler;
    const dialling = dial(this.network, this.life, address, 'net', {
      opened: (end) => stream.opened(end),
      failed: (reason) => stream.failed(reason),
    });
    stream.abandon = () => dialling.abandon();
    return stream;
  }

  private accept(end: End, accepted: (stream: Stream) => StreamHandler): void {
    const stream = new SimStream(this.network, this.life, this.drawManners(), end.other.life.host.name);
    stream.attach(end);
    stream.handler = accepted(stream);
  }

  private drawManners(): Manners {
    const random = this.life.random.fork(`stream ${this.streams++}`);
    const keepsChunks = random.below(4) === 0;
    // Nothing uses the result of this draw. Without the draw, every seed would give another run than before.
    random.below(4);
    return { keepsChunks, random };
  }
}

/** Behaviour that the Net seam leaves open. Each stream draws one of the allowed variants. */
interface Manners {
  /**
   * If true, the stream copies a sent chunk only when the chunk arrives at the other side, and counts it in
   * `unsentBytes` until then.
   */
  readonly keepsChunks: boolean;
  readonly random: Random;
}

class SimStream implements Stream {
  readonly remoteAddress: string;
  handler: StreamHandler = NOBODY;
  abandon: () => void = () => {};
  private readonly network: Network;
  private readonly life: Life;
  private readonly manners: Manners;
  private end_: End | undefined;
  private isClosed = false;
  /** Bytes sent before the connection was open. */
  private early: Uint8Array[] = [];
  private isFull = false;
  private finishing = false;
  private isPaused = false;
  /** Chunks that reached this process while the stream was paused. They wait here. */
  private readonly unread: Uint8Array[] = [];

  constructor(network: Network, life: Life, manners: Manners, remoteAddress: string) {
    this.network = network;
    this.life = life;
    this.manners = manners;
    this.remoteAddress = remoteAddress;
  }

  attach(end: End): void {
    this.end_ = end;
    end.closed = (reason) => this.closed(reason);
    end.received = (bytes) => this.arrived(bytes);
    if (this.isPaused) end.other.out.pause();
  }

  opened(end: End): void {
    if (this.isClosed) {
      end.destroy('abandoned');
      return;
    }
    this.attach(end);
    const { early } = this;
    this.early = [];
    for (const chunk of early) this.transmit([chunk]);
    this.handler.opened?.();
    if (this.finishing) this.end();
  }

  failed(reason: string): void {
    if (this.isClosed) return;
    this.closed(reason);
  }

  get unsentBytes(): number {
    if (this.end_ === undefined) return 0;
    const { bytesInFlight } = this.end_.out;
    return this.manners.keepsChunks ? bytesInFlight : Math.max(0, bytesInFlight - SOCKET_BUFFER_BYTES);
  }

  send(chunks: readonly Uint8Array[]): boolean {
    if (this.isClosed || this.finishing) return true;
    if (this.end_ === undefined) for (const chunk of chunks) this.early.push(chunk.slice());
    else this.transmit(chunks);
    this.isFull = this.unsentBytes >= UNSENT_BYTES_MAX;
    return !this.isFull;
  }

  private transmit(chunks: readonly Uint8Array[]): void {
    const sizeBytes = sizeOf(chunks);
    if (sizeBytes === 0) return;
    const { random, keepsChunks } = this.manners;
    const { pieces } = this.network;
    if (keepsChunks) {
      this.pass(sizeBytes, () => joined(chunks, pieces.take(sizeBytes)));
      return;
    }
    const bytes = joined(chunks, pieces.take(sizeBytes));
    if (sizeBytes > 1 && random.below(1000) < this.network.options.splitPerMille) {
      const at = 1 + random.below(sizeBytes - 1);
      this.pass(at, () => bytes.subarray(0, at));
      this.pass(sizeBytes - at, () => bytes.subarray(at));
    } else this.pass(sizeBytes, () => bytes);
  }

  private pass(sizeBytes: number, bytesNow: () => Uint8Array): void {
    const end = this.end_!;
    end.send(sizeBytes, () => {
      const bytes = bytesNow();
      this.network.world.hash.bytes(bytes);
      end.other.received(bytes);
      if (this.isFull && this.unsentBytes < UNSENT_BYTES_MAX / 2) this.drainedSoon();
    });
  }

  private drainedSoon(): void {
    this.isFull = false;
    this.life.arrives(0, () => {
      if (!this.isClosed) this.handler.drained();
    });
  }

  private arrived(bytes: Uint8Array): void {
    if (this.isPaused || this.unread.length > 0) this.unread.push(bytes);
    else this.read(bytes);
  }

  private read(bytes: Uint8Array): void {
    if (this.isClosed) return;
    this.handler.data(bytes);
    // The Net seam lends the bytes only for this call. Overwriting them reveals code that keeps them.
    bytes.fill(GARBAGE);
  }

  pause(): void {
    this.isPaused = true;
    this.end_?.other.out.pause();
  }

  resume(): void {
    this.isPaused = false;
    this.readOn();
  }

  /**
   * Gives the handler each waiting chunk, in a turn of its own. Stops when the owner pauses the stream again.
   */
  private readOn(): void {
    this.network.world.after(0, () => {
      if (this.isPaused) return;
      if (this.unread.length === 0) this.end_?.other.out.resume();
      else this.life.turn('io', () => this.readNext());
    });
  }

  private readNext(): void {
    if (this.isPaused) return;
    const bytes = this.unread.shift();
    if (bytes !== undefined) this.read(bytes);
    this.readOn();
  }

  end(): void {
    this.finishing = true;
    this.end_?.finish('ended');
  }

  destroy(reason: string): void {
    if (this.isClosed) return;
    if (this.end_ !== undefined) {
      this.end_.destroy(reason);
      return;
    }
    this.abandon();
    this.life.arrives(0, () => this.closed(reason));
  }

  private closed(reason: string): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.handler.closed(reason);
  }
}

const NOBODY: StreamHandler = { data() {}, drained() {}, closed() {} };

function sizeOf(chunks: readonly Uint8Array[]): number {
  let size = 0;
  for (const chunk of chunks) size += chunk.length;
  return size;
}

/** Copies the chunks into `whole`, one after the other, and returns `whole`. */
function joined(chunks: readonly Uint8Array[], whole: Uint8Array): Uint8Array {
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
