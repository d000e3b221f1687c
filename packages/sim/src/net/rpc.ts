/**
 * The Rpc seam of one process: calls and streams as messages over simulated connections. If a channel has a
 * message to send and no open connection, it opens one. It also does so after its last connection broke. For
 * a moment after a connection failed or broke, calls fail at once, as with gRPC.
 */
import {
  type Address,
  type Listener,
  type Millis,
  type Rpc,
  type RpcChannel,
  RpcError,
  type RpcPeer,
  type RpcService,
  type RpcStream,
  type RpcStreamHandler,
} from '@millrace/base';
import type { Life } from '../world/index.ts';
import type { Cancellation } from './cancelled-calls.ts';
import type { End } from './connection.ts';
import { dial } from './dial.ts';
import type { Network } from './network.ts';
import { rpcError } from './rpc-error.ts';
import { sniffAnswer, sniffCall, sniffStream } from './rpc-sniffer.ts';

/** A message on the wire. `id` is the caller's number for the call or stream. */
type Message =
  | {
      readonly type: 'call' | 'open';
      readonly id: number;
      readonly method: string;
      readonly body: Uint8Array;
    }
  | { readonly type: 'answer'; readonly id: number; readonly body: Uint8Array }
  | { readonly type: 'refusal'; readonly id: number; readonly error: RpcError }
  | { readonly type: 'data'; readonly id: number; readonly body: Uint8Array; readonly toServer: boolean }
  | { readonly type: 'close'; readonly id: number; readonly toServer: boolean };

const NOTHING = new Uint8Array(0);
const HEADER_BYTES = 40;
const BACKOFF_MIN_MS = 50;
const BACKOFF_JITTER_MS = 50;

function transmit(end: End, message: Message): void {
  const body = 'body' in message ? message.body.slice() : NOTHING;
  const { hash } = end.connection.network.world;
  end.send(HEADER_BYTES + body.length, () => {
    hash.bytes(body);
    end.other.message('body' in message ? { ...message, body } : message);
  });
}

export class SimRpc implements Rpc {
  private readonly network: Network;
  private readonly life: Life;

  constructor(network: Network, life: Life) {
    this.network = network;
    this.life = life;
  }

  serve(
    address: Address,
    service: RpcService,
    events: { listening(port: number): void; failed(error: Error): void },
  ): Listener {
    const { network, life } = this;
    const served = new Set<ServedConnection>();
    const isFree = network.listen(life, address.port, {
      kind: 'rpc',
      accept: (end) => served.add(new ServedConnection(end, service)),
    });
    life.arrives(0, () => {
      if (isFree) events.listening(address.port);
      else events.failed(new Error(`cannot listen on ${address.host}:${address.port}: EADDRINUSE`));
    });
    return {
      close(done) {
        if (isFree) network.unlisten(life, address.port);
        for (const connection of served) connection.end.finish('the server is closing');
        life.arrives(0, done);
      },
    };
  }

  channel(address: Address): RpcChannel {
    return new SimChannel(this.network, this.life, address);
  }
}

/** The server's side of a connection. */
class ServedConnection {
  readonly end: End;
  private readonly service: RpcService;
  private readonly peer: RpcPeer;
  private readonly streams = new Map<number, RpcStreamHandler>();

  constructor(end: End, service: RpcService) {
    this.end = end;
    this.service = service;
    this.peer = { address: end.other.life.host.name, certifiedName: undefined };
    end.message = (message) => this.message(message as Message);
    end.closed = (reason) => {
      const open = [...this.streams.values()];
      this.streams.clear();
      for (const handler of open) handler.closed(reason);
    };
  }

  private message(message: Message): void {
    const { id } = message;
    if (message.type === 'call') this.call(id, message.method, message.body);
    else if (message.type === 'open') this.open(id, message.method);
    else if (message.type === 'data') this.streams.get(id)?.message(message.body);
    else if (message.type === 'close') this.closeStream(id, 'closed by the peer');
  }

  private call(id: number, method: string, body: Uint8Array): void {
    let answered = false;
    sniffCall(this.end.connection.network.world, method, body);
    const reply = (answer: Uint8Array | RpcError) => {
      if (answered) return;
      answered = true;
      if (answer instanceof RpcError) transmit(this.end, { type: 'refusal', id, error: answer });
      else {
        sniffAnswer(this.end.connection.network.world, method, body, answer);
        transmit(this.end, { type: 'answer', id, body: answer });
      }
    };
    this.service.call(method, body, reply, this.peer);
  }

  private open(id: number, method: string): void {
    const stream: RpcStream = {
      send: (body) => {
        if (!this.streams.has(id)) return;
        sniffStream(this.end.connection.network.world, method, body);
        transmit(this.end, { type: 'data', id, body, toServer: false });
      },
      close: () => {
        transmit(this.end, { type: 'close', id, toServer: false });
        this.end.life.arrives(0, () => this.closeStream(id, 'closed'));
      },
    };
    this.streams.set(id, this.service.stream(method, stream, this.peer));
  }

  private closeStream(id: number, reason: string): void {
    const handler = this.streams.get(id);
    this.streams.delete(id);
    handler?.closed(reason);
  }
}

interface OpenCall {
  finish(answer: Uint8Array | RpcError): void;
}

interface OpenStream {
  readonly handler: RpcStreamHandler;
}

class SimChannel implements RpcChannel {
  private readonly network: Network;
  private readonly life: Life;
  private readonly address: Address;
  private end: End | undefined;
  private dialling: { abandon(): void } | undefined;
  private retryAtUs = 0;
  private lastFailure = 'not connected';
  private isClosed = false;
  private nextId = 1;
  private waiting: Message[] = [];
  private readonly calls = new Map<number, OpenCall>();
  /** The calls that a fault cancels. The caller of such a call gets an error, never the answer. */
  private readonly cancelled = new Map<number, Cancellation>();
  private readonly streams = new Map<number, OpenStream>();

  constructor(network: Network, life: Life, address: Address) {
    this.network = network;
    this.life = life;
    this.address = address;
  }

  call(
    method: string,
    body: Uint8Array,
    timeoutMs: Millis,
    done: (answer: Uint8Array | RpcError) => void,
  ): void {
    const id = this.nextId++;
    const timer = this.life.clock.setTimer(timeoutMs, () =>
      this.calls.get(id)?.finish(rpcError('timeout', 'no answer in time')),
    );
    this.calls.set(id, {
      finish: (answer) => {
        if (!this.calls.delete(id)) return;
        this.cancelled.delete(id);
        // A call that times out while it waits for the connection is never sent, as in rpc/src/io/calls.ts.
        if (this.waiting.length > 0) this.waiting = this.waiting.filter((message) => message.id !== id);
        timer.cancel();
        done(answer);
      },
    });
    this.dispatch({ type: 'call', id, method, body });
  }

  openStream(method: string, handler: RpcStreamHandler): RpcStream {
    const id = this.nextId++;
    this.streams.set(id, { handler });
    this.dispatch({ type: 'open', id, method, body: NOTHING });
    return {
      send: (body) => {
        if (this.streams.has(id)) this.dispatch({ type: 'data', id, body, toServer: true });
      },
      close: () => {
        if (!this.streams.has(id)) return;
        this.dispatch({ type: 'close', id, toServer: true });
        this.life.arrives(0, () => this.closeStream(id, 'closed'));
      },
    };
  }

  close(): void {
    this.isClosed = true;
    this.dialling?.abandon();
    this.dialling = undefined;
    this.waiting = [];
    this.end?.finish('the channel is closed');
    this.end = undefined;
    this.life.arrives(0, () => this.failAll('the channel is closed'));
  }

  private dispatch(message: Message): void {
    if (this.end !== undefined) this.pass(this.end, message);
    else if (this.isClosed) this.life.arrives(0, () => this.failOne(message.id, 'the channel is closed'));
    else if (this.dialling !== undefined) this.waiting.push(message);
    else if (this.network.world.nowUs < this.retryAtUs)
      this.life.arrives(0, () => this.failOne(message.id, this.lastFailure));
    else {
      this.waiting.push(message);
      this.connect();
    }
  }

  private connect(): void {
    this.dialling = dial(this.network, this.life, this.address, 'rpc', {
      opened: (end) => {
        this.dialling = undefined;
        if (this.isClosed) {
          end.destroy('the channel is closed');
          return;
        }
        this.end = end;
        end.message = (message) => this.message(message as Message);
        end.closed = (reason) => this.broken(reason);
        for (const message of this.waiting.splice(0)) this.pass(end, message);
      },
      failed: (reason) => {
        this.dialling = undefined;
        this.broken(reason);
      },
    });
  }

  private pass(end: End, message: Message): void {
    if (message.type === 'call') {
      if (this.isCaught(end, message) || this.isLost(message)) return;
      this.network.awaitedCalls.leaves(message.method, end.connection);
    }
    transmit(end, message);
  }

  /** Cancels the call if the rule of a fault selects the call. Returns whether the call must not be sent. */
  private isLost({ id, method }: Extract<Message, { type: 'call' | 'open' }>): boolean {
    const { world, cancelledCalls } = this.network;
    const cancellation = cancelledCalls.of(this.life.host.name, method);
    if (cancellation === undefined) return false;
    const { when, afterUs, kind } = cancellation;
    this.cancelled.set(id, cancellation);
    if (when !== 'after') world.after(afterUs, () => this.life.turn('io', () => this.cancel(id, kind)));
    return when === 'before';
  }

  private cancel(id: number, kind: RpcError['kind']): void {
    this.calls.get(id)?.finish(rpcError(kind, 'cancelled'));
  }

  /**
   * Called when the answer to a call arrives. Returns whether a fault cancels the call, so that the answer
   * must be dropped. If the fault cancels the call after its handling, this method also ends the call with
   * the fault's error.
   */
  private isDropped(id: number): boolean {
    const cancellation = this.cancelled.get(id);
    if (cancellation?.when === 'after') this.cancel(id, cancellation.kind);
    return cancellation !== undefined;
  }

  private isCaught(end: End, message: Extract<Message, { type: 'call' | 'open' }>): boolean {
    const { id, method } = message;
    const body = message.body.slice();
    const { world, caughtCalls } = this.network;
    return caughtCalls.takes(this.life.host.name, method, body, {
      fail: () => this.life.turn('io', () => this.failOne(id, 'connection reset by the peer')),
      arrive: () =>
        end.other.life.turn('io', () => {
          world.hash.bytes(body);
          end.other.message({ ...message, body });
        }),
    });
  }

  private broken(reason: string): void {
    this.end = undefined;
    this.waiting = [];
    this.lastFailure = reason;
    const backoffMs = BACKOFF_MIN_MS + this.life.random.below(BACKOFF_JITTER_MS);
    this.retryAtUs = this.network.world.nowUs + backoffMs * 1000;
    this.failAll(reason);
  }

  private failAll(reason: string): void {
    for (const id of [...this.calls.keys(), ...this.streams.keys()]) this.failOne(id, reason);
  }

  private failOne(id: number, reason: string): void {
    this.calls.get(id)?.finish(rpcError('unavailable', reason));
    this.closeStream(id, reason);
  }

  private message(message: Message): void {
    const { id } = message;
    if ((message.type === 'answer' || message.type === 'refusal') && this.isDropped(id)) return;
    if (message.type === 'answer') this.calls.get(id)?.finish(message.body);
    else if (message.type === 'refusal') this.calls.get(id)?.finish(message.error);
    else if (message.type === 'data') this.streams.get(id)?.handler.message(message.body);
    else if (message.type === 'close') this.closeStream(id, 'closed by the peer');
  }

  private closeStream(id: number, reason: string): void {
    const open = this.streams.get(id);
    this.streams.delete(id);
    open?.handler.closed(reason);
  }
}
