/**
 * Goal: three voters that use gRPC on loopback, and LevelDB, quickly elect a leader, commit, hand over and
 * restart. Method: all voters in this process, on free ports.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, type Listener, Prng, type RpcService } from '@millrace/base';
import { MemoryLogger } from '@millrace/base/testing';
import { freePort, listenAgain } from '@millrace/base/testing/io';
import { GrpcRpc } from '@millrace/rpc/io';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Quorum, QuorumObserver, type VoterAddress } from '../../src/index.ts';
import { LevelStorage } from '../../src/io/index.ts';
import { quorumConfig } from '../support/settings.ts';

const clock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  setTimer: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
  soon: (callback) => void setImmediate(callback),
};

interface Node {
  readonly id: number;
  readonly quorum: Quorum;
  readonly heard: string[];
  readonly logger: MemoryLogger;
  active: number | undefined;
  listener: Listener;
}

let root: string;
let voters: VoterAddress[];
const running = new Map<number, Node>();
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const utf8 = (value: string) => new TextEncoder().encode(value);

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'millrace-quorum-'));
  voters = [];
  const port = await freePort(3);
  for (const id of [1, 2, 3]) voters.push({ id, host: '127.0.0.1', port: port + id - 1 });
});
afterEach(async () => {
  await Promise.all([...running.values()].map(stop));
  rmSync(root, { recursive: true });
});

function serve(service: RpcService, port: number): Promise<Listener> {
  return new Promise((done, failed) => {
    const events = { listening: () => done(listener), failed };
    const listener = new GrpcRpc().serve({ host: '127.0.0.1', port }, service, events);
  });
}

async function start(id: number): Promise<Node> {
  const heard: string[] = [];
  const logger = new MemoryLogger();
  const quorum = await new Promise<Quorum>((ready, failed) =>
    Quorum.open(
      {
        nodeId: id,
        directoryId: new Prng(id).uuid(),
        voters,
        storage: new LevelStorage(join(root, `n${id}`)),
        rpc: new GrpcRpc(),
        clock,
        random: new Prng(id * 7 + Math.floor(performance.now())),
        logger,
        config: quorumConfig,
        listener: {
          committed: (batches) => heard.push(...batches.flatMap((batch) => batch.records.map(text))),
          becameLeader: (epoch) => {
            node.active = epoch;
          },
          resigned: () => {
            node.active = undefined;
          },
          leaderChanged: () => {},
        },
        failed,
      },
      ready,
    ),
  );
  const service: RpcService = {
    call: (method, body, reply, peer) => void quorum.handle(method, body, reply, peer),
    stream: () => ({ message: () => {}, closed: () => {} }),
  };
  const listener = await listenAgain(() => serve(service, voters[id - 1]!.port));
  const node: Node = { id, quorum, heard, logger, active: undefined, listener };
  running.set(id, node);
  return node;
}

async function stop(node: Node): Promise<void> {
  running.delete(node.id);
  await new Promise<void>((done) => node.quorum.stop(done));
  await new Promise<void>((done) => node.listener.close(done));
}

async function until<T>(what: () => T | undefined | false, withinMs = 10_000): Promise<T> {
  const end = performance.now() + withinMs;
  for (;;) {
    const found = what();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > end) throw new Error('waited in vain');
    await new Promise<void>((done) => setTimeout(done, 2));
  }
}
const activeLeader = () => [...running.values()].find((node) => node.active !== undefined);

test('three voters elect a leader at once, commit, hand over when it stops, and restart with their logs', async () => {
  const nodes = await Promise.all([1, 2, 3].map(start));
  const begin = performance.now();
  const leader = await until(activeLeader);
  const electedMs = performance.now() - begin;
  expect(electedMs).toBeLessThan(3000);

  const observed: string[] = [];
  const ids: string[] = [];
  const observer = new QuorumObserver({
    nodeId: 11,
    directoryId: new Prng(11).uuid(),
    voters,
    rpc: new GrpcRpc(),
    clock,
    random: new Prng(11),
    logger: new MemoryLogger(),
    config: quorumConfig,
    listener: {
      committed: (batches) => observed.push(...batches.flatMap((batch) => batch.records.map(text))),
      leaderChanged: () => {},
      clusterId: (id) => ids.push(id),
      decodeSnapshot: (_snapshot, done) => done(new Error('there are no snapshots here')),
    },
  });
  observer.start();
  const expected = Array.from({ length: 50 }, (_, index) => `r${index}`);
  for (const record of expected) expect(leader.quorum.propose([utf8(record)])).toBeDefined();
  for (const node of nodes) await until(() => node.heard.length === 50);
  await until(() => observed.length === 50);
  expect(observed).toEqual(expected);
  expect(ids).toEqual([leader.quorum.clusterId()]);
  for (const node of nodes) expect(node.heard).toEqual(expected);
  const described = leader.quorum.describe();
  expect(described.voters.every((voter) => voter.logEndOffset === described.highWatermark)).toBe(true);
  expect(described.observers.map(({ id }) => id)).toEqual([11]);

  const handover = performance.now();
  await stop(leader);
  const next = await until(activeLeader);
  expect(performance.now() - handover).toBeLessThan(3000);
  next.quorum.propose([utf8('after')]);
  await until(() => observed.length === 51);
  await Promise.all([...running.values()].map(stop));

  await Promise.all([1, 2, 3].map(start));
  const again = await until(activeLeader);
  expect(again.heard).toEqual([...expected, 'after']);
  again.quorum.propose([utf8('last')]);
  await until(() => observed.length === 52);
  observer.stop();
});
