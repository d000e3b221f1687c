/**
 * Goal: voters and observers that come late load the leader's snapshot, and continue with the log. A
 * restarted voter starts from its own snapshot. Method: quorums in one process with a manual clock, and an
 * Rpc and a storage in memory. The state of a listener is the list of all records, and so is its snapshot.
 */
import { Prng, type RpcError } from '@millrace/base';
import { ManualClock, MemoryLogger } from '@millrace/base/testing';
import { MemoryRpcHub } from '@millrace/rpc/testing';
import { expect, test } from 'vitest';
import {
  type CommittedBatch,
  Quorum,
  QuorumObserver,
  RaftErrorCode,
  type RaftRequest,
  recordsOfPart,
  type Snapshot,
  type SnapshotOwner,
  type SnapshotSource,
} from '../../src/index.ts';
import { emptyStored, MemoryStorage, type Stored } from '../../src/testing/index.ts';
import { decodeFetchSnapshotResponse, encodeRequest } from '../../src/wire.ts';
import { quorumConfig } from '../support/settings.ts';

const utf8 = (text: string) => new TextEncoder().encode(text);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** The state of a listener. */
class State implements SnapshotOwner {
  heard: string[] = [];
  installs = 0;
  private end = { endOffset: 0, epoch: 0 };
  private readonly clock: ManualClock;

  constructor(clock: ManualClock) {
    this.clock = clock;
  }

  committed(batches: readonly CommittedBatch[]): void {
    for (const { baseOffset, epoch, records } of batches) {
      this.heard.push(...records.map(text));
      this.end = { endOffset: baseOffset + records.length, epoch };
    }
  }

  snapshot(): SnapshotSource {
    return { id: this.end, records: this.heard.map(utf8) };
  }

  decodeSnapshot({ manifest, parts }: Snapshot, done: (install: () => void) => void): void {
    const heard = parts.flatMap((part) => [...recordsOfPart(part)]).map(text);
    const install = () => {
      this.heard = heard;
      this.end = manifest.id;
      this.installs++;
    };
    this.clock.setTimer(30, () => done(install));
  }
}

interface Voter {
  readonly quorum: Quorum;
  readonly state: State;
  readonly storage: MemoryStorage;
}

class Cluster {
  readonly clock = new ManualClock();
  readonly hub = new MemoryRpcHub(this.clock);
  readonly voters = [1, 2, 3].map((id) => ({ id, host: 'h', port: 9000 + id }));
  readonly running = new Map<number, Voter>();
  readonly expected: string[] = [];
  readonly failures: string[] = [];
  private readonly disks = new Map<number, Stored>(this.voters.map(({ id }) => [id, emptyStored()]));

  start(id: number): State {
    const { clock } = this;
    const state = new State(clock);
    const storage = new MemoryStorage(this.disks.get(id), (callback) => void clock.setTimer(2, callback));
    const endpoint = this.hub.endpoint(`n${id}`);
    const { committed } = { committed: (batches: readonly CommittedBatch[]) => state.committed(batches) };
    Quorum.open(
      {
        nodeId: id,
        directoryId: new Prng(id).uuid(),
        voters: this.voters,
        storage,
        rpc: endpoint,
        clock,
        random: new Prng(id),
        logger: new MemoryLogger(),
        config: quorumConfig,
        listener: { committed, becameLeader: () => {}, resigned: () => {}, leaderChanged: () => {} },
        failed: (error) => this.failures.push(error.message),
        snapshots: { owner: state, config: { maxBytes: 30, intervalMs: 0, partBytes: 16 } },
      },
      (quorum) => {
        this.running.set(id, { quorum, state, storage });
        endpoint.serve(
          { host: 'h', port: 9000 + id },
          {
            call: (method, body, reply, peer) => void quorum.handle(method, body, reply, peer),
            stream: () => ({ message: () => {}, closed: () => {} }),
          },
          { listening: () => {}, failed: () => {} },
        );
      },
    );
    return state;
  }

  kill(id: number): void {
    this.running.get(id)!.storage.crash();
    this.hub.kill(9000 + id);
    this.running.delete(id);
  }

  get leader(): Quorum {
    return [...this.running.values()].find(({ quorum }) => quorum.node.role === 'leader')!.quorum;
  }

  propose(count: number): void {
    for (let index = 0; index < count; index++) {
      const record = `record-${this.expected.length}`;
      expect(this.leader.propose([utf8(record)])).toBeDefined();
      this.expected.push(record);
      this.clock.advance(20);
    }
  }
}

function formed(): Cluster {
  const cluster = new Cluster();
  for (const { id } of cluster.voters) cluster.start(id);
  cluster.clock.advance(500);
  cluster.propose(20);
  return cluster;
}

test('every voter takes snapshots, and keeps the log from the end of the last snapshot but one', () => {
  const cluster = formed();
  cluster.clock.advance(100);
  for (const { quorum, state } of cluster.running.values()) {
    const { log, snapshots } = quorum.node;
    expect(snapshots.newest!.parts).toBeGreaterThan(3);
    expect(log.startOffset).toBeGreaterThan(0);
    expect(log.startOffset).toBeLessThan(snapshots.newest!.id.endOffset);
    expect(state.heard).toEqual(cluster.expected);
  }
});

test('a restarted voter starts from its snapshot, and continues with its log', () => {
  const cluster = formed();
  cluster.kill(3);
  const state = cluster.start(3);
  cluster.clock.advance(1000);
  expect(state.heard).toEqual(cluster.expected);
  expect(state.installs).toBe(1);
});

test('a voter that was away loads the snapshot of the leader, and votes with it', () => {
  const cluster = formed();
  const away = cluster.voters.find(({ id }) => cluster.running.get(id)!.quorum !== cluster.leader)!.id;
  cluster.kill(away);
  cluster.propose(30);
  const state = cluster.start(away);
  cluster.clock.advance(2000);
  expect(state.heard).toEqual(cluster.expected);
  expect(state.installs).toBe(2);
  const { node } = cluster.running.get(away)!.quorum;
  expect([node.mayVote, node.clusterId]).toEqual([true, cluster.leader.node.clusterId]);
  cluster.propose(3);
  cluster.clock.advance(100);
  expect(state.heard).toEqual(cluster.expected);
});

test('a decoded snapshot that the node does not install is not kept', () => {
  const cluster = formed();
  const { leader } = cluster;
  const away = cluster.voters.find(({ id }) => cluster.running.get(id)!.quorum !== leader)!.id;
  cluster.kill(away);
  cluster.propose(30);
  const state = cluster.start(away);
  const decode = state.decodeSnapshot.bind(state);
  let decoded = 0;
  state.decodeSnapshot = (snapshot, done) =>
    decode(snapshot, (install) => {
      const { quorum } = cluster.running.get(away) ?? {};
      // A voter of a newer epoch calls itself the leader while the owner decodes the leader's snapshot.
      if (quorum !== undefined && decoded++ === 0) {
        const { nodeId: leaderId } = leader.node;
        const { epoch, clusterId } = quorum.node;
        ask(quorum, { type: 'begin', clusterId, leaderId, epoch: epoch + 1 });
      }
      done(install);
      if (decoded === 1) expect(quorum?.snapshotProgress()).toHaveProperty('decoded', undefined);
    });
  cluster.clock.advance(400);
  expect(decoded).toBeGreaterThan(0);
});

function ask(quorum: Quorum, request: RaftRequest): (Uint8Array | RpcError)[] {
  const { method, body } = encodeRequest(request);
  const answers: (Uint8Array | RpcError)[] = [];
  quorum.handle(method, body, (answer) => answers.push(answer), { address: 'x', certifiedName: undefined });
  return answers;
}

/** An observer asks the leader for part 1 of its newest snapshot. `read` stands for the storage's answer. */
function askPart(read: (done: (content: Error | undefined) => void) => void) {
  const cluster = formed();
  const { leader } = cluster;
  const { storage } = [...cluster.running.values()].find(({ quorum }) => quorum === leader)!;
  storage.readPart = (_id, _part, done) => read(done);
  const { id } = leader.node.snapshots.newest!;
  const answers = ask(leader, {
    type: 'fetchSnapshot',
    clusterId: leader.node.clusterId,
    replicaId: 11,
    replicaKey: 'k',
    observer: true,
    epoch: leader.node.epoch,
    snapshot: id,
    part: 1,
    round: 0,
  });
  return { cluster, leader, id, answers };
}

test('a leader that cannot read a part of its snapshot ends', () => {
  const { cluster, answers } = askPart((done) => done(new Error('the disk is gone')));
  expect(cluster.failures).toEqual(['the disk is gone']);
  expect(answers.map((answer) => (answer as RpcError).kind)).toEqual(['unavailable']);
});

test('a leader ends if it still lists a snapshot, but lacks a part of it', () => {
  const { cluster, answers, id } = askPart((done) => done(undefined));
  expect(cluster.failures).toEqual([`part 1 of snapshot ${id.endOffset}-${id.epoch} is missing`]);
  expect(answers.map((answer) => (answer as RpcError).kind)).toEqual(['unavailable']);
});

test('a leader that removed the snapshot while it read a part says so', () => {
  const reads: ((content: undefined) => void)[] = [];
  const { cluster, answers, leader, id } = askPart((done) => reads.push(done));
  cluster.propose(20);
  cluster.clock.advance(100);
  expect(leader.node.snapshots.find(id)).toBeUndefined();
  reads[0]!(undefined);
  const { errorCode, manifest } = decodeFetchSnapshotResponse(answers[0] as Uint8Array);
  expect([errorCode, manifest]).toEqual([RaftErrorCode.SNAPSHOT_NOT_FOUND, undefined]);
  expect(cluster.failures).toEqual([]);
});

test('an observer that comes late loads the snapshot, and continues with the log', () => {
  const cluster = formed();
  const state = new State(cluster.clock);
  const ids: string[] = [];
  const observer = new QuorumObserver({
    nodeId: 11,
    directoryId: new Prng(11).uuid(),
    voters: cluster.voters,
    rpc: cluster.hub.endpoint('observer'),
    clock: cluster.clock,
    random: new Prng(11),
    logger: new MemoryLogger(),
    config: quorumConfig,
    listener: {
      committed: (batches) => state.committed(batches),
      leaderChanged: () => {},
      clusterId: (id) => ids.push(id),
      decodeSnapshot: (snapshot, done) => state.decodeSnapshot(snapshot, done),
    },
  });
  observer.start();
  cluster.clock.advance(10);
  // While the observer loads, the leader takes newer snapshots: the observer begins again.
  cluster.propose(20);
  cluster.clock.advance(1000);
  expect(state.heard).toEqual(cluster.expected);
  expect(state.installs).toBeGreaterThan(0);
  expect(ids).toEqual([cluster.leader.node.clusterId]);
  cluster.propose(2);
  cluster.clock.advance(100);
  expect(state.heard).toEqual(cluster.expected);
  observer.stop();
});
