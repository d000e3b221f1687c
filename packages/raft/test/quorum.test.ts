/**
 * Goal: a Quorum executes the effects of its RaftNode: held messages, group commit, timers, listener, stop,
 * failures. An observer follows the leader. Method: quorums in one process with a manual clock, and an Rpc
 * and a storage in memory.
 */
import { type Listener, Prng, type RpcError } from '@millrace/base';
import { ManualClock, MemoryLogger } from '@millrace/base/testing';
import { MemoryRpcHub } from '@millrace/rpc/testing';
import { expect, test } from 'vitest';
import {
  Quorum,
  QuorumObserver,
  type RaftStorage,
  type StorageWrite,
  type StoredState,
  type VoterAddress,
} from '../src/index.ts';
import { emptyStored, MemoryStorage, type Stored, stateOf } from '../src/testing/index.ts';
import { decodeResponse, encodeRequest } from '../src/wire.ts';
import { quorumConfig } from './support/settings.ts';
import { vote } from './support/transcript.ts';

const utf8 = (text: string) => new TextEncoder().encode(text);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

interface Node {
  readonly id: number;
  quorum: Quorum;
  readonly stored: Stored;
  storage: MemoryStorage;
  readonly heard: string[];
  readonly events: string[];
  readonly logger: MemoryLogger;
  failure: string | undefined;
  listener: Listener;
}

class Cluster {
  readonly clock = new ManualClock();
  readonly hub = new MemoryRpcHub(this.clock);
  readonly voters: VoterAddress[];
  readonly nodes = new Map<number, Node>();
  readonly disks = new Map<number, Stored>();

  constructor(count = 3) {
    this.voters = Array.from({ length: count }, (_, index) => ({
      id: index + 1,
      host: 'h',
      port: 9001 + index,
    }));
  }

  start(id: number, o: { clusterId?: ReturnType<Prng['uuid']> } = {}): Node {
    const stored = this.disks.get(id) ?? emptyStored();
    this.disks.set(id, stored);
    const storage = new MemoryStorage(stored, (callback) => void this.clock.setTimer(2, callback));
    const node = {
      id,
      stored,
      storage,
      heard: [],
      events: [],
      logger: new MemoryLogger(),
    } as unknown as Node;
    Quorum.open(
      {
        nodeId: id,
        directoryId: new Prng(id).uuid(),
        ...o,
        voters: this.voters,
        storage,
        rpc: this.hub.endpoint(`n${id}`),
        clock: this.clock,
        random: new Prng(id),
        logger: node.logger,
        config: quorumConfig,
        listener: {
          committed: (batches) => node.heard.push(...batches.flatMap((batch) => batch.records.map(text))),
          becameLeader: (epoch) => void node.events.push(`active e${epoch}`),
          resigned: (epoch) => void node.events.push(`resigned e${epoch}`),
          leaderChanged: (leader) => void node.events.push(`leader ${leader?.nodeId ?? 'none'}`),
        },
        failed: (error) => {
          node.failure = error.message;
        },
      },
      (quorum) => {
        node.quorum = quorum;
        node.listener = this.hub.endpoint(`n${id}`).serve(
          { host: 'h', port: 9000 + id },
          {
            call: (method, body, reply, peer) => void quorum.handle(method, body, reply, peer),
            stream: () => ({ message: () => {}, closed: () => {} }),
          },
          { listening: () => {}, failed: () => {} },
        );
      },
    );
    this.nodes.set(id, node);
    return node;
  }

  /** Simulates kill -9 of the node. */
  kill(node: Node): void {
    node.storage.crash();
    this.hub.kill(9000 + node.id);
    this.nodes.delete(node.id);
  }

  leader(): Node {
    const found = [...this.nodes.values()].find((node) => node.events.at(-1)?.startsWith('active'));
    if (found === undefined) throw new Error('no leader');
    return found;
  }
}

function formedCluster(): Cluster {
  const cluster = new Cluster();
  for (const id of [1, 2, 3]) cluster.start(id);
  cluster.clock.advance(500);
  return cluster;
}

test('three voters form a quorum; every listener gets every record once and in order', () => {
  const cluster = formedCluster();
  const leader = cluster.leader();
  expect(leader.quorum.propose([utf8('a'), utf8('b')])).toBe(3);
  expect(leader.quorum.propose([utf8('c')])).toBe(4);
  cluster.clock.advance(50);
  for (const node of cluster.nodes.values()) {
    expect(node.heard).toEqual(['a', 'b', 'c']);
    expect(node.quorum.leader()).toEqual({ nodeId: leader.id, epoch: 1 });
    expect(node.quorum.clusterId()).toBe(leader.quorum.clusterId());
    expect(node.quorum.highWatermark).toBe(5);
    if (node !== leader) expect(node.quorum.propose([utf8('x')])).toBeUndefined();
  }
});

test('proposals of one turn share one write', () => {
  const cluster = formedCluster();
  const leader = cluster.leader();
  const groups: (readonly StorageWrite[])[] = [];
  const write = leader.storage.write.bind(leader.storage);
  leader.storage.write = (writes, done) => {
    groups.push(writes);
    write(writes, done);
  };
  for (let index = 0; index < 100; index++) leader.quorum.propose([utf8(`r${index}`)]);
  cluster.clock.advance(50);
  expect(groups).toHaveLength(1);
  expect(leader.heard).toHaveLength(100);
});

test('the other voters soon replace a killed leader, which catches up after its restart', () => {
  const cluster = formedCluster();
  const first = cluster.leader();
  first.quorum.propose([utf8('a')]);
  cluster.clock.advance(20);
  cluster.kill(first);
  cluster.clock.advance(250);
  const second = cluster.leader();
  second.quorum.propose([utf8('b')]);
  const again = cluster.start(first.id);
  cluster.clock.advance(600);
  expect(again.heard).toEqual(['a', 'b']);
  expect(again.quorum.leader()).toEqual(second.quorum.leader());
});

test('a leader cut off from both other voters steps down by itself; its uncommitted records are dropped', () => {
  const cluster = formedCluster();
  const first = cluster.leader();
  const others = [1, 2, 3].filter((id) => id !== first.id);
  for (const id of others) {
    cluster.hub.cut(`n${first.id}`, 9000 + id);
    cluster.hub.cut(`n${id}`, 9000 + first.id);
  }
  first.quorum.propose([utf8('lost')]);
  cluster.clock.advance(2500);
  expect(first.events).toContain('resigned e1');
  const second = cluster.leader();
  second.quorum.propose([utf8('kept')]);
  cluster.clock.advance(100);
  cluster.hub.heal();
  cluster.clock.advance(2000);
  for (const node of cluster.nodes.values()) expect(node.heard).toEqual(['kept']);
  expect(first.logger.events.map(({ event }) => event)).toContain('quorum-log-truncated');
});

test('stop hands over: the next leader is elected long before any timeout', () => {
  const cluster = formedCluster();
  const first = cluster.leader();
  let stopped = false;
  first.quorum.stop(() => {
    stopped = true;
  });
  cluster.nodes.delete(first.id);
  cluster.clock.advance(60);
  expect(stopped).toBe(true);
  expect(cluster.leader().events.at(-1)).toBe('active e2');
  let again = false;
  first.quorum.stop(() => {
    again = true;
  });
  cluster.clock.settle();
  expect(again).toBe(true);
});

test('kill sends nothing: the other voters elect a leader after their timeouts', () => {
  const cluster = formedCluster();
  const first = cluster.leader();
  let killed = false;
  first.quorum.kill(() => {
    killed = true;
  });
  cluster.nodes.delete(first.id);
  cluster.clock.advance(60);
  expect(killed).toBe(true);
  expect(first.events.at(-1)).toBe('active e1');
  expect(() => cluster.leader()).toThrow('no leader');
  cluster.clock.advance(5_000);
  expect(cluster.leader().id).not.toBe(first.id);
});

/** A storage whose writes complete when the test says so. */
class HeldStorage implements RaftStorage {
  readonly writes: { readonly writes: readonly StorageWrite[]; readonly done: (error?: Error) => void }[] =
    [];
  load(done: Parameters<RaftStorage['load']>[0]): void {
    const stored = stateOf(emptyStored()) as StoredState;
    done({ ...stored, identity: new Prng(4).uuid() });
  }
  readPart(): void {}
  write(writes: readonly StorageWrite[], done: (error?: Error) => void): void {
    this.writes.push({ writes, done });
  }
  close(done: () => void): void {
    done();
  }
}

const PEER = { address: 'n2:9002', certifiedName: undefined };

function held() {
  const clock = new ManualClock();
  const logger = new MemoryLogger();
  const storage = new HeldStorage();
  const failures: string[] = [];
  const voters = [1, 2, 3].map((id) => ({ id, host: 'h', port: 9000 + id }));
  let quorum: Quorum | undefined;
  Quorum.open(
    {
      nodeId: 1,
      directoryId: new Prng(1).uuid(),
      voters,
      storage,
      rpc: new MemoryRpcHub(clock).endpoint('n1'),
      clock,
      random: new Prng(1),
      logger,
      config: quorumConfig,
      listener: { committed: () => {}, becameLeader: () => {}, resigned: () => {}, leaderChanged: () => {} },
      failed: (error) => failures.push(error.message),
    },
    (opened) => {
      quorum = opened;
    },
  );
  clock.settle();
  const answers: (Uint8Array | RpcError)[] = [];
  const ask = () => {
    const { method, body } = encodeRequest(vote({ epoch: 1, candidateId: 2, formation: true }));
    quorum!.handle(method, body, (answer) => answers.push(answer), PEER);
    clock.settle();
  };
  return { clock, logger, storage, failures, quorum: quorum!, answers, ask };
}

test('a vote is not sent before it is durable', () => {
  const { storage, answers, ask, clock } = held();
  ask();
  clock.advance(10);
  expect(storage.writes.map(({ writes }) => writes.map((write) => write.type))).toEqual([['vote', 'vote']]);
  expect(answers).toEqual([]);
  storage.writes[0]!.done();
  expect(decodeResponse('vote', answers[0] as Uint8Array)).toMatchObject({ granted: true, epoch: 1 });
});

test('a failed write: no message is sent, the owner gets the error, and every request fails', () => {
  const { storage, answers, ask, failures, quorum, clock } = held();
  ask();
  storage.writes[0]!.done(new Error('no space left'));
  expect(failures).toEqual(['no space left']);
  expect(answers.map((answer) => (answer as RpcError).kind)).toEqual(['unavailable']);
  ask();
  clock.advance(5000);
  expect(answers).toHaveLength(2);
  expect(storage.writes).toHaveLength(1);
  expect(quorum.propose([utf8('x')])).toBeUndefined();
});

test('malformed messages of the quorum are refused; other methods are not handled', () => {
  const { quorum, logger } = held();
  const answers: (Uint8Array | RpcError)[] = [];
  const handle = (method: string, body: string) =>
    quorum.handle(method, utf8(body), (answer) => answers.push(answer), PEER);
  expect(handle('controller.forward', '')).toBe(false);
  expect(handle('raft.fetch', '\xff\xff\xff')).toBe(true);
  expect(handle('raft.nonsense', '')).toBe(true);
  expect(answers.map((answer) => (answer as RpcError).kind)).toEqual(['refused', 'refused']);
  const refused = logger.events.filter(({ event }) => event === 'control-message-refused');
  expect(refused.map(({ facts }) => [facts['method'], facts['peer']])).toEqual([
    ['raft.fetch', 'n2:9002'],
    ['raft.nonsense', 'n2:9002'],
  ]);
});

test('a quorum with the storage of another cluster fails', () => {
  const cluster = formedCluster();
  cluster.kill(cluster.nodes.get(1)!);
  const other = cluster.start(1, { clusterId: new Prng(77).uuid() });
  cluster.clock.advance(100);
  expect(other.failure).toMatch(/belongs to cluster/);
});

test('the quorum gets the configured cluster id', () => {
  const cluster = new Cluster(1);
  const clusterId = new Prng(77).uuid();
  const node = cluster.start(1, { clusterId });
  cluster.clock.advance(100);
  expect(node.events).toEqual(['leader 1', 'active e1']);
  expect(node.quorum.clusterId()).toBe(clusterId);
});

test('describe returns the log end, the directory and the time of the last catch-up of each voter', () => {
  const cluster = formedCluster();
  const leader = cluster.leader();
  cluster.clock.advance(1000);
  const described = leader.quorum.describe();
  expect(described).toMatchObject({ leaderId: leader.id, leaderEpoch: 1, highWatermark: 2 });
  for (const voter of described.voters) {
    expect(voter.logEndOffset).toBe(2);
    expect(voter.directoryId).toBe(new Prng(voter.id).uuid());
    expect(cluster.clock.wallMs() - voter.lastCaughtUpTimestamp).toBeLessThan(500);
  }
});

test('an observer gets committed records, follows a new leader, and is in the description of the quorum', () => {
  const cluster = formedCluster();
  const heard: string[] = [];
  const events: string[] = [];
  const observer = new QuorumObserver({
    nodeId: 1, // the id of a voter: a combined node
    directoryId: new Prng(50).uuid(),
    voters: cluster.voters,
    rpc: cluster.hub.endpoint('observer'),
    clock: cluster.clock,
    random: new Prng(50),
    logger: new MemoryLogger(),
    config: quorumConfig,
    listener: {
      committed: (batches) => heard.push(...batches.flatMap((batch) => batch.records.map(text))),
      leaderChanged: (leader) => events.push(`leader ${leader?.nodeId ?? 'none'}`),
      clusterId: (id) => events.push(id),
      decodeSnapshot: (_snapshot, done) => done(new Error('there are no snapshots here')),
    },
  });
  observer.start();
  const first = cluster.leader();
  first.quorum.propose([utf8('a')]);
  cluster.clock.advance(100);
  expect(heard).toEqual(['a']);
  expect(events).toEqual([`leader ${first.id}`, first.quorum.clusterId()]);
  expect(first.quorum.describe().observers).toMatchObject([{ id: 1, directoryId: new Prng(50).uuid() }]);
  cluster.kill(first);
  cluster.clock.advance(400);
  const second = cluster.leader();
  second.quorum.propose([utf8('b')]);
  cluster.clock.advance(100);
  expect(heard).toEqual(['a', 'b']);
  expect(observer.leader()).toEqual(second.quorum.leader());
  expect(observer.endOffset).toBe(second.quorum.highWatermark);
  observer.stop();
  second.quorum.propose([utf8('c')]);
  cluster.clock.advance(1000);
  expect(heard).toEqual(['a', 'b']);
});
