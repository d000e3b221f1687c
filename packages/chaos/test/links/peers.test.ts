import { expect, test } from 'vitest';
import { Peers } from '../../src/links/peers.ts';

const PROXY = 9001;

/** A system with sockets that tests add, and a count of the looks into its table. */
class FakeSystem {
  readonly table = new Map<number, string>();
  readonly open = new Map<number, string[]>();
  looks = 0;
  /** The processes whose sockets were asked for. */
  readonly processes: number[] = [];

  connect(pid: number, port: number): void {
    const inode = `${port}0`;
    this.table.set(port, inode);
    this.open.set(pid, [...(this.open.get(pid) ?? []), inode]);
  }

  clientSockets() {
    this.looks++;
    return [...this.table].map(([localPort, inode]) => ({ localPort, remotePort: PROXY, inode }));
  }

  socketsOfProcess(pid: number) {
    this.processes.push(pid);
    return this.open.get(pid) ?? [];
  }
}

function setUp(pids: Record<number, number | undefined>) {
  const system = new FakeSystem();
  const clock = { nowMs: 0 };
  const ids = Object.keys(pids).map(Number);
  const peers = new Peers(
    [PROXY],
    ids,
    (id) => pids[id],
    system,
    () => clock.nowMs,
  );
  return { system, peers, clock, pids };
}

test('a connection belongs to the node whose process has the socket, else to a client', () => {
  const { system, peers } = setUp({ 1: 101, 2: 102 });
  system.connect(102, 5000);
  system.connect(999, 5001);
  expect(peers.find(5000, PROXY)).toEqual({ end: 2, isSure: true, inode: '50000' });
  expect(peers.find(5001, PROXY)).toEqual({ end: 'clients', isSure: true, inode: '50010' });
  expect(peers.find(5002, PROXY)).toEqual({ end: 'clients', isSure: true, inode: undefined });
});

test('one look finds the owners of all connections that are under way', () => {
  const { system, peers } = setUp({ 1: 101 });
  for (let port = 5000; port < 5100; port++) system.connect(101, port);
  for (let port = 5000; port < 5100; port++) expect(peers.find(port, PROXY).end).toBe(1);
  expect(system.looks).toBe(1);
});

test('a socket of this process is found without a look at the nodes', () => {
  const { system, peers } = setUp({ 1: 101 });
  system.connect(process.pid, 5000);
  system.connect(101, 5001);
  expect(peers.find(5000, PROXY)).toEqual({ end: 'clients', isSure: true, inode: '50000' });
  expect(system.processes).toEqual([process.pid]);
  expect(peers.find(5001, PROXY).end).toBe(1);
});

test('a port that another process has got meanwhile is looked up again', () => {
  const { system, peers, clock } = setUp({ 1: 101, 2: 102 });
  system.connect(101, 5000);
  expect(peers.find(5000, PROXY).end).toBe(1);
  system.open.clear();
  system.connect(102, 5000);
  // A connection is found once only, so even a fresh look does not answer for the next one.
  expect(peers.find(5000, PROXY).end).toBe(2);
  system.connect(101, 5001);
  system.connect(102, 5002);
  expect(peers.find(5001, PROXY).end).toBe(1);
  system.open.set(102, []);
  clock.nowMs += 20;
  expect(peers.find(5002, PROXY).end).toBe('clients');
});

test('while a pid is unknown, only sockets of this process surely belong to a client', () => {
  const { system, peers, pids } = setUp({ 1: 101, 2: undefined });
  system.connect(process.pid, 5000);
  system.connect(102, 5001);
  expect(peers.find(5000, PROXY)).toMatchObject({ end: 'clients', isSure: true });
  expect(peers.find(5001, PROXY)).toMatchObject({ end: 'clients', isSure: false });
  expect(peers.nodeOf('50010')).toBeUndefined();
  pids[2] = 102;
  expect(peers.nodeOf('50010')).toBe(2);
});

test('without /proc every peer is a client', () => {
  const peers = new Peers([PROXY], [1], () => 101, null);
  expect(peers.knowsNodes).toBe(false);
  expect(peers.find(5000, PROXY)).toEqual({ end: 'clients', isSure: true, inode: undefined });
});
