/**
 * A small simulated world for RaftNode alone: virtual time, a network that loses and delays messages and cuts
 * links, disks that lose unconfirmed writes, crashes, pauses and lost disks. One seed determines everything.
 * The checker runs after every event.
 */
import { type Millis, Prng } from '@millrace/base';
import {
  type QuorumConfig,
  type RaftEffect,
  type RaftInput,
  RaftNode,
  type RaftRequest,
  type RaftResponse,
  type SendFailure,
  type Snapshot,
  type StorageWrite,
} from '../../../src/index.ts';
import { applyWrites, emptyStored, type Stored, stateOf, storedPart } from '../../../src/testing/index.ts';
import { Checker } from './checker.ts';
import { SimState } from './state.ts';

export interface WorldOptions {
  readonly seed: number;
  readonly voters: number;
  /** How many of 1000 messages are lost. */
  readonly lossPerMille: number;
  readonly delayMsMax: number;
  readonly diskDelayMsMax: number;
  /** After this many of 1000 votes for another node, the voter soon crashes and quickly restarts. */
  readonly voteCrashPerMille: number;
  /** A node takes a snapshot when it has committed this many bytes since the last one; 0: never. */
  readonly snapshotBytes: number;
  readonly config?: Partial<QuorumConfig>;
  /** Plants a bug: replaces a node's effects before the world executes them. */
  readonly sabotage?: (effects: RaftEffect[], node: RaftNode) => RaftEffect[];
}

interface Pending {
  /** Undefined: a part of a snapshot. */
  readonly sequence?: number;
  readonly writes: readonly StorageWrite[];
  readonly durable?: () => void;
}

export interface SimNode {
  readonly id: number;
  disk: Stored;
  /** The disk's identity. Changes when the disk is lost. */
  key: string;
  raft: RaftNode | undefined;
  /** What the listener has made of the committed records. */
  state: SimState;
  /** The leader's snapshot that was decoded last. */
  decoded: Snapshot | undefined;
  isTakingSnapshot: boolean;
  generation: number;
  persisted: number;
  pending: Pending[];
  held: { after: number; go: () => void }[];
  tickAt: Millis;
  pausedUntil: Millis;
  /** Inputs that arrived while the node was paused. */
  inbox: RaftInput[];
  replies: Map<number, (response: RaftResponse) => void>;
}

interface Event {
  readonly at: Millis;
  readonly sequence: number;
  readonly run: () => void;
}

export const simConfig: QuorumConfig = {
  fetchTimeoutMs: 1000,
  electionTimeoutMs: 300,
  retryBackoffMs: 20,
  fetchMaxWaitMs: 400,
  fetchMaxBytes: 300,
  commitMaxBytes: 300,
};

export class World {
  now: Millis = 0;
  readonly random: Prng;
  readonly nodes: SimNode[] = [];
  readonly options: WorldOptions;
  readonly checker: Checker;
  /** `a>b`: the network drops all messages from node a to node b. */
  readonly cuts = new Set<string>();
  lossPerMille: number;
  delayMsMax: number;
  diskDelayMsMax: number;
  voteCrashPerMille: number;
  events = 0;
  proposals = 0;
  story: string[] = [];
  readonly counts = new Map<string, number>();
  private readonly heap: Event[] = [];
  private sequence = 0;
  private token = 0;

  constructor(options: WorldOptions) {
    this.options = options;
    this.random = new Prng(options.seed);
    this.lossPerMille = options.lossPerMille;
    this.delayMsMax = options.delayMsMax;
    this.diskDelayMsMax = options.diskDelayMsMax;
    this.voteCrashPerMille = options.voteCrashPerMille;
    this.checker = new Checker(this);
    for (let id = 1; id <= options.voters; id++) {
      this.nodes.push({
        id,
        disk: emptyStored(),
        key: `key-${id}-0`,
        raft: undefined,
        state: new SimState(),
        decoded: undefined,
        isTakingSnapshot: false,
        generation: 0,
        persisted: 0,
        pending: [],
        held: [],
        tickAt: Number.POSITIVE_INFINITY,
        pausedUntil: 0,
        inbox: [],
        replies: new Map(),
      });
    }
  }

  count(name: string): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }

  tell(text: string): void {
    this.story.push(`${String(this.now).padStart(7)} ${text}`);
    if (this.story.length > 400) this.story.shift();
  }

  schedule(delay: Millis, run: () => void): void {
    const event = { at: this.now + delay, sequence: this.sequence++, run };
    const { heap } = this;
    heap.push(event);
    let index = heap.length - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (before(heap[parent]!, heap[index]!)) break;
      [heap[parent], heap[index]] = [heap[index]!, heap[parent]!];
      index = parent;
    }
  }

  runUntil(end: Millis, done: () => boolean = () => false): boolean {
    while (!done()) {
      const next = this.heap[0];
      if (next === undefined || next.at > end) {
        this.now = end;
        return done();
      }
      this.pop();
      this.now = Math.max(this.now, next.at);
      this.events++;
      next.run();
    }
    return true;
  }

  private pop(): void {
    const { heap } = this;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    heap[0] = last;
    for (let index = 0; ; ) {
      let child = index * 2 + 1;
      if (child >= heap.length) return;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (before(heap[index]!, heap[child]!)) return;
      [heap[index], heap[child]] = [heap[child]!, heap[index]!];
      index = child;
    }
  }

  start(node: SimNode): void {
    if (node.raft !== undefined) return;
    this.tell(
      `n${node.id} starts, log ${node.disk.batches.length} batches, vote ${JSON.stringify(node.disk.vote)}`,
    );
    node.generation++;
    node.persisted = 0;
    node.pending = [];
    node.held = [];
    node.replies = new Map();
    node.tickAt = Number.POSITIVE_INFINITY;
    node.isTakingSnapshot = false;
    const stored = stateOf(node.disk);
    if (stored instanceof Error) this.checker.fail(`n${node.id} cannot start: ${stored.message}`);
    const { snapshot, older } = stored;
    node.state = snapshot === undefined ? new SimState() : SimState.from(snapshot);
    const manifests = snapshot === undefined ? [] : [snapshot.manifest];
    node.raft = new RaftNode({
      nodeId: node.id,
      key: node.key,
      clusterId: '',
      configuredVoters: this.nodes.map(({ id }) => ({ id, host: `h${id}`, port: 9000 + id })),
      mayForm: true,
      config: { ...simConfig, ...this.options.config },
      random: this.random.fork(`node-${node.id}-${node.generation}`),
      vote: stored.vote,
      start: stored.start,
      snapshots: older === undefined ? manifests : [older, ...manifests],
      batches: stored.batches,
    });
    if (snapshot !== undefined) this.count('started from a snapshot');
    this.checker.started(node);
    this.step(node, { type: 'started' });
  }

  /** Kills the process. Any number of the unconfirmed writes, in their order, may have reached the disk. */
  crash(node: SimNode): void {
    if (node.raft === undefined) return;
    const survivors = this.random.below(node.pending.length + 1);
    for (const { writes } of node.pending.slice(0, survivors)) this.apply(node, writes);
    if (survivors < node.pending.length) this.count('unsynced writes lost');
    this.tell(
      `n${node.id} crashes (${node.raft.role}), ${survivors} of ${node.pending.length} writes survive`,
    );
    node.raft = undefined;
    node.generation++;
    node.pending = [];
    node.inbox = [];
  }

  private apply(node: SimNode, writes: readonly StorageWrite[]): void {
    applyWrites(node.disk, writes);
    this.checker.written(node, writes);
  }

  wipe(node: SimNode): void {
    this.crash(node);
    node.disk = emptyStored();
    node.key = `key-${node.id}-${node.generation}`;
    this.tell(`n${node.id} loses its disk`);
    this.count('disk lost');
  }

  propose(node: SimNode): void {
    const { raft } = node;
    if (raft === undefined || raft.role !== 'leader') return;
    const size = 1 + this.random.below(3);
    const records = Array.from({ length: size }, (_, index) =>
      new TextEncoder().encode(`p${++this.proposals}.${index}`),
    );
    if (raft.propose(records) !== undefined) this.step(node, { type: 'tick' });
  }

  step(node: SimNode, input: RaftInput): void {
    if (node.raft === undefined) return;
    if (node.pausedUntil <= this.now && node.inbox.length === 0) {
      this.take(node, node.raft, input);
      return;
    }
    node.inbox.push(input);
    if (node.inbox.length === 1)
      this.schedule(Math.max(0, node.pausedUntil - this.now), () => this.wake(node));
  }

  /** Resumes a paused process, which then handles all inputs that arrived meanwhile. */
  wake(node: SimNode): void {
    if (node.pausedUntil > this.now) {
      this.schedule(node.pausedUntil - this.now, () => this.wake(node));
      return;
    }
    for (let input = node.inbox.shift(); input !== undefined; input = node.inbox.shift()) {
      if (node.raft !== undefined) this.take(node, node.raft, input);
    }
  }

  private take(node: SimNode, raft: RaftNode, input: RaftInput): void {
    let effects = raft.step(input, this.now);
    if (this.options.sabotage !== undefined) effects = this.options.sabotage(effects, raft);
    for (const effect of effects) this.carryOut(node, effect);
    this.checker.check(node);
    this.armTick(node);
  }

  private armTick(node: SimNode): void {
    const at = node.raft?.deadline();
    if (at === undefined || at >= node.tickAt) return;
    node.tickAt = at;
    const { generation } = node;
    this.schedule(Math.max(0, at - this.now), () => {
      if (node.generation !== generation) return;
      if (node.tickAt > at) return;
      node.tickAt = Number.POSITIVE_INFINITY;
      this.step(node, { type: 'tick' });
    });
  }

  private carryOut(node: SimNode, effect: RaftEffect): void {
    if (effect.type === 'persist') this.persist(node, effect);
    else if (effect.type === 'send') this.hold(node, effect.after, () => this.send(node, effect));
    else if (effect.type === 'reply')
      this.hold(node, effect.after, () => {
        const reply = node.replies.get(effect.token);
        if (reply === undefined) throw new Error('answered twice');
        node.replies.delete(effect.token);
        reply(effect.response);
      });
    else if (effect.type === 'replyPart') this.replyPart(node, effect);
    else if (effect.type === 'checkSnapshot') this.decode(node, effect.snapshot);
    else if (effect.type === 'installed') {
      node.state = SimState.from(node.decoded!);
      this.count('snapshot installed');
      this.checker.installed(node, effect.id);
    } else if (effect.type === 'published') node.isTakingSnapshot = false;
    else if (effect.type === 'log') {
      this.count(effect.event);
      this.tell(`n${node.id} ${effect.event} ${JSON.stringify(effect.facts)}`);
    } else {
      this.checker.effect(node, effect);
      if (effect.type !== 'committed') return;
      for (const batch of effect.batches) node.state.apply(batch);
      this.takeSnapshot(node);
    }
  }

  private takeSnapshot(node: SimNode): void {
    const { snapshotBytes } = this.options;
    if (snapshotBytes === 0 || node.state.bytesSince < snapshotBytes || node.isTakingSnapshot) return;
    node.isTakingSnapshot = true;
    const { manifest, parts } = node.state.snapshot(node.raft!.votersRecord!);
    const { id } = manifest;
    for (const [part, content] of parts.entries())
      this.write(node, {
        writes: [{ type: 'snapshotPart', id, part, content }],
        durable: () => {
          if (part !== parts.length - 1) return;
          this.step(node, { type: 'snapshotWritten', manifest });
        },
      });
  }

  private replyPart(node: SimNode, effect: Extract<RaftEffect, { type: 'replyPart' }>): void {
    const { generation } = node;
    const { token, response } = effect;
    this.schedule(this.random.below(this.diskDelayMsMax) + 1, () => {
      const reply = node.replies.get(token);
      if (node.generation !== generation || reply === undefined) return;
      node.replies.delete(token);
      const content = storedPart(node.disk, response.manifest!.id, response.part);
      if (content === undefined) reply({ ...response, errorCode: 98, manifest: undefined });
      else reply({ ...response, content });
    });
  }

  private decode(node: SimNode, snapshot: Snapshot): void {
    const { generation } = node;
    this.schedule(this.random.below(this.random.below(10) === 0 ? 3000 : 30), () => {
      if (node.generation !== generation) return;
      node.decoded = snapshot;
      this.step(node, { type: 'snapshotChecked', id: snapshot.manifest.id, error: undefined });
    });
  }

  private hold(node: SimNode, after: number, go: () => void): void {
    if (after <= node.persisted) go();
    else node.held.push({ after, go });
  }

  private persist(node: SimNode, { sequence, writes }: Extract<RaftEffect, { type: 'persist' }>): void {
    this.checker.writes(node, writes);
    const isVote = writes.some(
      (write) => write.type === 'vote' && ![-1, node.id].includes(write.vote.votedFor),
    );
    if (isVote && this.random.below(1000) < this.voteCrashPerMille) this.crashSoon(node);
    this.write(node, { sequence, writes });
  }

  private write(node: SimNode, pending: Pending): void {
    node.pending.push(pending);
    if (node.pending.length === 1) this.startWrite(node);
  }

  private crashSoon(node: SimNode): void {
    const { generation } = node;
    this.schedule(this.random.below(this.diskDelayMsMax) + 1, () => {
      if (node.generation !== generation) return;
      this.count('crash while voting');
      this.crash(node);
      this.schedule(1 + this.random.below(10), () => this.start(node));
    });
  }

  private startWrite(node: SimNode): void {
    const { generation } = node;
    const count = node.pending.length;
    this.schedule(this.random.below(this.diskDelayMsMax) + 1, () => {
      if (node.generation !== generation) return;
      const done = node.pending.splice(0, count);
      for (const { writes } of done) this.apply(node, writes);
      const sequence = done.findLast((one) => one.sequence !== undefined)?.sequence;
      node.persisted = sequence ?? node.persisted;
      const free = node.held.filter(({ after }) => after <= node.persisted);
      node.held = node.held.filter(({ after }) => after > node.persisted);
      for (const { go } of free) go();
      if (node.pending.length > 0) this.startWrite(node);
      if (sequence !== undefined) this.step(node, { type: 'persisted', sequence });
      for (const { durable } of done) if (node.generation === generation) durable?.();
    });
  }

  private lost(from: number, to: number): boolean {
    return this.cuts.has(`${from}>${to}`) || this.random.below(1000) < this.lossPerMille;
  }

  private delay(): Millis {
    const outlier = this.random.below(20) === 0;
    return 1 + this.random.below(outlier ? this.delayMsMax * 20 : this.delayMsMax);
  }

  private send(node: SimNode, { id, to, request, timeoutMs }: Extract<RaftEffect, { type: 'send' }>): void {
    const { generation } = node;
    let finished = false;
    const finish = (input: RaftInput) => {
      if (finished || node.generation !== generation) return;
      finished = true;
      this.step(node, input);
    };
    const failed = (failure: SendFailure) => finish({ type: 'sendFailed', id, from: to, failure });
    this.schedule(timeoutMs, () => failed('timeout'));
    if (this.lost(node.id, to)) return;
    this.schedule(this.delay(), () => {
      const peer = this.nodes[to - 1]!;
      if (peer.raft === undefined) {
        this.schedule(1, () => failed('unavailable'));
        return;
      }
      const peerGeneration = peer.generation;
      this.serve(peer, request, (response) => {
        if (this.lost(to, node.id)) return;
        this.schedule(this.delay(), () => finish({ type: 'response', id, from: to, response }));
      });
      this.watchConnection(peer, peerGeneration, timeoutMs, () => failed('unavailable'));
    });
  }

  /**
   * A connection breaks when the peer's process dies. The world polls for that instead of keeping a list of
   * open calls.
   */
  private watchConnection(peer: SimNode, generation: number, leftMs: Millis, broken: () => void): void {
    if (peer.generation !== generation) broken();
    else if (leftMs > 0) this.schedule(50, () => this.watchConnection(peer, generation, leftMs - 50, broken));
  }

  private serve(peer: SimNode, request: RaftRequest, reply: (response: RaftResponse) => void): void {
    const token = ++this.token;
    peer.replies.set(token, reply);
    this.step(peer, { type: 'request', token, request });
  }

  leader(): SimNode | undefined {
    const leaders = this.nodes.filter(({ raft }) => raft?.role === 'leader');
    return leaders.sort((a, b) => b.raft!.epoch - a.raft!.epoch)[0];
  }
}

function before(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence);
}
