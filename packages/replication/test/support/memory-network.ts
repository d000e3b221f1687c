/**
 * Byte streams between nodes of one process. Bytes arrive late and in pieces of any size. A link can be cut.
 * When a node dies, its connections break.
 */
import type { Address, Listener, Net, Prng, Stream, StreamHandler } from '@millrace/base';
import type { ManualClock } from '@millrace/base/testing';
import type { NodeClock } from './node-clock.ts';

interface Listening {
  readonly node: NetNode;
  connection(stream: Stream): StreamHandler;
}

export interface NetNode {
  readonly name: string;
  readonly clock: NodeClock;
}

export class MemoryNetwork {
  delayMsMax = 2;
  /** How many connections were opened. */
  connectCount = 0;
  private readonly clock: ManualClock;
  private readonly random: Prng;
  private readonly listening = new Map<string, Listening>();
  private readonly cuts = new Set<string>();
  private readonly ends = new Set<End>();

  constructor(clock: ManualClock, random: Prng) {
    this.clock = clock;
    this.random = random;
  }

  netOf(node: NetNode): Net {
    return {
      listen: (address, events): Listener => {
        const key = `${address.host}:${address.port}`;
        this.listening.set(key, { node, connection: (stream) => events.connection(stream) });
        node.clock.soon(() => events.listening(address.port));
        return {
          close: (done) => {
            this.listening.delete(key);
            node.clock.soon(done);
          },
        };
      },
      connect: (address, handler) => this.connect(node, address, handler),
    };
  }

  cut(a: string, b: string): void {
    this.cuts.add(a < b ? `${a}|${b}` : `${b}|${a}`);
  }

  heal(a: string, b: string): void {
    this.cuts.delete(a < b ? `${a}|${b}` : `${b}|${a}`);
    for (const end of this.ends) this.schedule(end);
  }

  isCut(a: string, b: string): boolean {
    return this.cuts.has(a < b ? `${a}|${b}` : `${b}|${a}`);
  }

  /** Closes the ports of a process that has died, and resets its connections. */
  died(node: NetNode): void {
    for (const [key, listening] of this.listening) if (listening.node === node) this.listening.delete(key);
    for (const end of [...this.ends]) if (end.node === node) this.destroy(end, 'reset');
  }

  private connect(node: NetNode, address: Address, handler: StreamHandler): Stream {
    this.connectCount++;
    const near = this.end(node, handler);
    this.later(() => {
      const target = this.listening.get(`${address.host}:${address.port}`);
      if (near.isClosed) return;
      if (target === undefined) {
        this.destroy(near, 'refused');
        return;
      }
      const far = this.end(target.node, undefined);
      near.peer = far;
      far.peer = near;
      near.inbox.push('opened');
      this.schedule(near);
      target.node.clock.run(() => {
        far.handler = target.connection(far.stream);
        this.schedule(far);
      });
    });
    return near.stream;
  }

  private end(node: NetNode, handler: StreamHandler | undefined): End {
    const end: End = {
      node,
      handler,
      peer: undefined,
      inbox: [],
      isClosed: false,
      stream: {
        remoteAddress: 'memory',
        unsentBytes: 0,
        send: (chunks) => {
          this.send(end, chunks);
          return true;
        },
        pause: () => {},
        resume: () => {},
        end: () => this.destroy(end, 'ended'),
        destroy: (reason) => this.destroy(end, reason),
      },
    };
    this.ends.add(end);
    return end;
  }

  private send(from: End, chunks: readonly Uint8Array[]): void {
    const { peer } = from;
    if (peer === undefined || peer.isClosed || from.isClosed) return;
    const all = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
    let at = 0;
    for (const chunk of chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    for (let start = 0; start < all.length; ) {
      const sizeBytes = 1 + this.random.below(this.random.below(4) === 0 ? 30 : 3000);
      peer.inbox.push(all.slice(start, start + sizeBytes));
      start += sizeBytes;
      this.schedule(peer);
    }
  }

  private schedule(end: End): void {
    if (end.inbox.length > 0) this.later(() => end.node.clock.run(() => this.deliver(end)));
  }

  private deliver(end: End): void {
    const { peer, handler } = end;
    if (end.isClosed || peer === undefined || handler === undefined || end.inbox.length === 0) return;
    if (this.isCut(end.node.name, peer.node.name)) return;
    const next = end.inbox.shift()!;
    if (next === 'opened') handler.opened?.();
    else {
      handler.data(next);
      // The bytes were only lent. Overwriting them reveals a receiver that kept them.
      next.fill(0xdd);
    }
    this.schedule(end);
  }

  private destroy(end: End, reason: string): void {
    if (end.isClosed) return;
    end.isClosed = true;
    this.ends.delete(end);
    const { peer, handler } = end;
    this.later(() => end.node.clock.run(() => handler?.closed(reason)));
    if (peer !== undefined && !peer.isClosed) this.later(() => this.destroy(peer, 'closed by peer'));
  }

  private later(callback: () => void): void {
    this.clock.setTimer(this.random.below(this.delayMsMax + 1), callback);
  }
}

interface End {
  readonly node: NetNode;
  handler: StreamHandler | undefined;
  peer: End | undefined;
  readonly inbox: (Uint8Array | 'opened')[];
  isClosed: boolean;
  readonly stream: Stream;
}
