/**
 * Goal: a service learns which host calls. As with gRPC, a service gets no call that timed out before the
 * connection opened. Method: callers and one server on simulated hosts.
 */
import type { RpcPeer, RpcService } from '@millrace/base';
import { expect, test } from 'vitest';
import { Network } from '../../src/net/index.ts';
import { Host, MILLISECOND, SECOND, World } from '../../src/world/index.ts';
import { TwoMachines } from '../support/two-machines.ts';

const NETWORK = {
  delayUs: 100,
  jitterUs: 50,
  bytesPerSecond: 100_000_000,
  splitPerMille: 0,
  connectTimeoutMs: 1_000,
  keepAliveMs: 4_000,
  lingerPerMille: 0,
};

test('a service gets the name of the host that calls or opens a stream', () => {
  const world = new World(1);
  const network = new Network(world, NETWORK);
  const boot = (name: string) => {
    const host = new Host(world, name);
    network.add(host);
    return host.boot();
  };
  const peers: RpcPeer[] = [];
  const service: RpcService = {
    call: (_method, body, reply, peer) => {
      peers.push(peer);
      reply(body);
    },
    stream: (_method, _stream, peer) => {
      peers.push(peer);
      return { message: () => {}, closed: () => {} };
    },
  };
  const server = boot('c1');
  server.arrives(0, () => {
    const events = { listening: () => {}, failed: () => {} };
    network.rpcOf(server).serve({ host: 'c1', port: 1 }, service, events);
  });
  let answers = 0;
  for (const name of ['b1', 'b2']) {
    const life = boot(name);
    life.arrives(1000, () => {
      const channel = network.rpcOf(life).channel({ host: 'c1', port: 1 });
      channel.call('m', new Uint8Array(1), 1000, () => answers++);
      channel.openStream('s', { message: () => {}, closed: () => {} });
    });
  }
  world.runUntil(SECOND);
  expect(peers.map(({ address }) => address).sort()).toEqual(['b1', 'b1', 'b2', 'b2']);
  expect(peers.every(({ certifiedName }) => certifiedName === undefined)).toBe(true);
  expect(answers).toBe(2);
});

test('a call that times out before its connection opens is never sent', () => {
  const machines = new TwoMachines();
  const handled: number[] = [];
  machines.serve({
    call: (_method, body) => void handled.push(body[0]!),
    stream: () => ({ message() {}, closed() {} }),
  });
  const { network, world } = machines;
  network.cut('p7', 'b4');
  const failures: string[] = [];
  const channel = machines.channel();
  channel.call('m', Uint8Array.of(1), 100, (answer) => failures.push(String(answer)));
  channel.call('m', Uint8Array.of(2), 5_000, () => {});
  machines.at(500, () => network.heal('p7', 'b4'));
  world.runUntil(SECOND + 100 * MILLISECOND);
  expect(failures).toEqual(['RpcError: no answer in time']);
  expect(handled).toEqual([2]);
});
