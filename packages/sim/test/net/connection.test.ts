/**
 * Goal: bytes of one connection may arrive late, or after bytes that were sent later on another connection.
 * Within a connection they always arrive in order and once. Method: a client with two connections to a server
 * on simulated machines. The test stalls, delays or breaks the first connection.
 */
import { describe, expect, it } from 'vitest';
import type { NetworkOptions } from '../../src/net/index.ts';
import { SECOND } from '../../src/world/index.ts';
import { TwoMachines } from '../support/two-machines.ts';

const text = (word: string) => new TextEncoder().encode(word);

/** A client with two connections. Both machines write what they see as `SIDE CONNECTION EVENT`. */
class TwoConnections extends TwoMachines {
  readonly seen: string[] = [];
  readonly streams;

  constructor(options: Partial<NetworkOptions> = {}) {
    super(options);
    let accepted = 0;
    this.listen((stream) => {
      const name = `server ${++accepted}`;
      return this.handler(name, (word) => stream.send([text(`re ${word}`)]));
    });
    this.streams = [1, 2].map((number) => this.connect(this.handler(`client ${number}`, () => {})));
    this.world.runUntil(0.001 * SECOND);
  }

  get first() {
    return this.network.openedBy('p7')[0]!;
  }

  sends(ms: number, connection: 1 | 2, word: string): void {
    this.at(ms, () => this.streams[connection - 1]!.send([text(word)]));
  }

  run(seconds = 1): string[] {
    this.world.runUntil(this.world.nowUs + seconds * SECOND);
    return this.seen.splice(0);
  }

  private handler(name: string, got: (word: string) => void) {
    return {
      data: (bytes: Uint8Array) => {
        const word = String.fromCharCode(...bytes);
        this.seen.push(`${name} ${word}`);
        got(word);
      },
      drained: () => {},
      closed: (reason: string) => void this.seen.push(`${name} closed: ${reason}`),
    };
  }
}

describe('a stalled connection', () => {
  it('brings nothing until it flows, while another connection of the same machines works', () => {
    const pair = new TwoConnections();
    pair.first.stall(pair.first.requests);
    pair.sends(2, 1, 'a');
    pair.sends(3, 1, 'b');
    pair.sends(4, 2, 'c');
    expect(pair.run()).toEqual(['server 2 c', 'client 2 re c']);
    pair.first.flow();
    expect(pair.run()).toEqual(['server 1 a', 'server 1 b', 'client 1 re a', 'client 1 re b']);
  });

  it('can hold back only the answers', () => {
    const pair = new TwoConnections();
    pair.first.stall(pair.first.answers);
    pair.sends(2, 1, 'a');
    expect(pair.run()).toEqual(['server 1 a']);
    pair.network.healAll();
    expect(pair.run()).toEqual(['client 1 re a']);
  });

  it('brings its bytes in the order of sending when it flows and stalls again', () => {
    const pair = new TwoConnections();
    const { first } = pair;
    first.stall(first.requests);
    for (const word of ['a', 'b', 'c']) pair.sends(2, 1, word);
    pair.at(5, () => first.flow());
    pair.sends(5, 1, 'd');
    pair.at(5, () => first.stall(first.requests));
    pair.sends(6, 1, 'e');
    pair.at(7, () => first.flow());
    expect(pair.run().filter((line) => line.startsWith('server'))).toEqual(
      ['a', 'b', 'c', 'd', 'e'].map((word) => `server 1 ${word}`),
    );
  });

  it('breaks at both sides when it has pings and stalls for longer than the pings allow', () => {
    const machines = new TwoMachines();
    machines.serve({ call: () => {}, stream: () => ({ message() {}, closed() {} }) });
    const failures: string[] = [];
    machines.channel().call('m', text('a'), 60_000, (answer) => failures.push(String(answer)));
    machines.world.runUntil(SECOND);
    const [connection] = machines.network.openedBy('p7');
    connection!.stall(connection!.requests);
    machines.world.runUntil(4 * SECOND);
    expect(failures).toEqual([]);
    machines.world.runUntil(6 * SECOND);
    expect(failures).toEqual(['RpcError: keepalive time-out']);
  });
});

describe('a request of a broken connection', () => {
  it('arrives after its retry on another connection, and then the server sees the reset', () => {
    const pair = new TwoConnections();
    const { first } = pair;
    first.stall(first.requests);
    pair.sends(2, 1, 'a');
    pair.at(3, () => first.breakLate());
    pair.sends(4, 2, 'a');
    expect(pair.run()).toEqual([
      'client 1 closed: connection reset by the peer',
      'server 2 a',
      'client 2 re a',
    ]);
    first.flow();
    expect(pair.run()).toEqual(['server 1 a', 'server 1 closed: connection reset by the peer']);
  });

  it('arrives late from a client that gave up, and from a client that died', () => {
    for (const end of ['destroy', 'die'] as const) {
      const pair = new TwoConnections();
      const { first } = pair;
      first.stall(first.requests);
      pair.sends(2, 1, 'a');
      pair.at(3, () => (end === 'die' ? pair.client.die('process') : pair.streams[0]!.destroy('given up')));
      pair.at(9, () => first.flow());
      expect(pair.run().filter((line) => line.startsWith('server 1'))).toEqual([
        'server 1 a',
        'server 1 closed: connection reset by the peer',
      ]);
    }
  });

  it('is lost with a destroyed connection, unless its bytes linger', () => {
    for (const lingerPerMille of [0, 1000]) {
      const pair = new TwoConnections({ lingerPerMille, delayUs: 10_000 });
      pair.run();
      pair.sends(2000, 1, 'a');
      pair.at(2001, () => pair.streams[0]!.destroy('given up'));
      const arrives = lingerPerMille === 0 ? [] : ['server 1 a'];
      expect(pair.run(2)).toEqual([
        'client 1 closed: given up',
        ...arrives,
        'server 1 closed: connection reset by the peer',
      ]);
    }
  });
});

describe('a delayed connection', () => {
  it('brings its bytes after later bytes of another connection, in the order of sending', () => {
    const pair = new TwoConnections();
    pair.first.delay(20_000, 0);
    pair.sends(2, 1, 'a');
    pair.sends(3, 1, 'b');
    pair.sends(5, 2, 'c');
    expect(pair.run().filter((line) => line.startsWith('server'))).toEqual([
      'server 2 c',
      'server 1 a',
      'server 1 b',
    ]);
    pair.network.healAll();
    pair.sends(1100, 1, 'd');
    pair.sends(1105, 2, 'e');
    expect(pair.run().filter((line) => line.startsWith('server'))).toEqual(['server 1 d', 'server 2 e']);
  });
});
