/**
 * The host of a RaftNode. Executes its effects on storage, rpc and listener. Owns one timer. Decides nothing
 * about the quorum itself.
 */
import {
  assert,
  type Clock,
  type Level,
  type LogEntry,
  type Logger,
  type LogMethods,
  type Millis,
  type NodeId,
  type Offset,
  type Random,
  type Rpc,
  type RpcChannel,
  RpcError,
  type RpcPeer,
  type Timer,
  type Uuid,
} from '@millrace/base';
import { describeQuorum } from './describe.ts';
import type { RaftEffect, RaftInput } from './effects.ts';
import { startRound } from './leader.ts';
import { LeadershipRounds } from './leadership-rounds.ts';
import { RaftErrorCode, type RaftResponse } from './messages.ts';
import { RaftNode } from './node.ts';
import { SnapshotHost, type SnapshotOptions } from './snapshot-host.ts';
import type { RaftStorage, StoredState } from './storage.ts';
import type {
  LeaderAndEpoch,
  QuorumConfig,
  QuorumDescription,
  RaftListener,
  Snapshot,
  VoterAddress,
} from './types.ts';
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse, tryDecode } from './wire.ts';
import { type QueuedWrite, WriteQueue } from './write-queue.ts';

export interface QuorumOptions {
  readonly nodeId: NodeId;
  readonly directoryId: Uuid;
  /** The only cluster that this node may belong to. A quorum that forms here gets this id. */
  readonly clusterId?: Uuid | undefined;
  /**
   * Whether this node may take part in forming the quorum. False if its data folder shows that there was a
   * quorum before. Default true.
   */
  readonly mayForm?: boolean;
  readonly voters: readonly VoterAddress[];
  readonly storage: RaftStorage;
  readonly rpc: Rpc;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly listener: RaftListener;
  /** Undefined: the node takes no snapshots, and cannot start from one. */
  readonly snapshots?: SnapshotOptions;
  readonly config: QuorumConfig;
  /**
   * Called when the storage fails, is corrupt, or belongs to another cluster. The quorum sends nothing
   * afterwards, and the process should end.
   */
  readonly failed?: (error: Error) => void;
}

type Reply = (answer: Uint8Array | RpcError) => void;

/** Replaces the owner's state by a decoded snapshot. */
type Install = () => void;

export class Quorum {
  /** For checkers and tests to read. Must never be changed from outside. */
  readonly node: RaftNode;
  private readonly options: QuorumOptions;
  private readonly channels = new Map<NodeId, RpcChannel>();
  private readonly replies = new Map<number, Reply>();
  private nextToken = 1;
  private readonly inputs: RaftInput[] = [];
  private stepping = false;
  private tickIsSoon = false;
  private lastAnswer: { readonly response: RaftResponse; readonly body: Uint8Array } | undefined;
  private timer: Timer | undefined;
  private timerAt: Millis = Number.POSITIVE_INFINITY;
  private readonly rounds: LeadershipRounds;
  private readonly writes: WriteQueue;
  private readonly snapshots: SnapshotHost | undefined;
  private stopping: (() => void)[] = [];
  private closed = false;

  private constructor(options: QuorumOptions, node: RaftNode) {
    this.options = options;
    this.node = node;
    this.rounds = new LeadershipRounds(
      options.clock,
      () => startRound(node),
      () => this.input({ type: 'tick' }),
    );
    const { clock, storage, snapshots } = options;
    this.writes = new WriteQueue({
      storage,
      clock,
      persisted: (sequence) => this.input({ type: 'persisted', sequence }),
      failed: (error) => this.failStorage(error),
    });
    if (snapshots === undefined) return;
    const input = (one: RaftInput) => this.input(one);
    const ports = { node, clock, write: (write: QueuedWrite) => this.writes.add(write), input };
    this.snapshots = new SnapshotHost(ports, snapshots);
  }

  /** Loads the storage, then starts. On success calls `ready` once, before any call of the listener. */
  static open(options: QuorumOptions, ready: (quorum: Quorum) => void): void {
    assert(
      options.voters.some((voter) => voter.id === options.nodeId),
      'a quorum is opened by one of its voters',
    );
    options.storage.load((state) => {
      if (state instanceof Error) fail(options, state);
      else if (state.identity !== undefined) prepare(options, state, state.identity, ready);
      else {
        const identity = options.random.uuid();
        options.storage.write([{ type: 'identity', identity }], (error) => {
          if (error !== undefined) fail(options, error);
          else prepare(options, state, identity, ready);
        });
      }
    });
  }

  /** @internal */
  static started(options: QuorumOptions, node: RaftNode, install: Install | undefined): Quorum {
    const quorum = new Quorum(options, node);
    options.clock.soon(() => {
      if (quorum.closed) return;
      install?.();
      quorum.input({ type: 'started' });
    });
    return quorum;
  }

  get highWatermark(): Offset {
    return this.node.highWatermark;
  }

  /** The number of other nodes' requests that have no answer yet, including parked fetches. */
  get openRequests(): number {
    return this.replies.size;
  }

  /**
   * Appends records as one batch, if this node leads. Returns the offset of the last record; undefined when
   * this node does not lead. The records are committed when the listener's `committed` gets them. After
   * `resigned`, records that were not committed may be lost, or a later leader may commit them.
   */
  propose(records: readonly Uint8Array[]): Offset | undefined {
    if (this.closed) return undefined;
    const offset = this.node.propose(records);
    if (offset !== undefined && !this.tickIsSoon) {
      this.tickIsSoon = true;
      this.options.clock.soon(() => {
        this.tickIsSoon = false;
        this.input({ type: 'tick' });
      });
    }
    return offset;
  }

  /**
   * Calls `done(true)` when this node certainly led at some moment after this call. Calls `done(false)` if
   * this node does not lead, or its leadership ended first. Needs one exchange with a majority of the voters.
   * Calls during a running exchange wait and share the next one. Never calls `done` within this call. After
   * the quorum was killed or its storage failed, a new call may get no answer.
   */
  confirmLeadership(done: (leads: boolean) => void): void {
    this.rounds.ask(done);
  }

  /** Handles a control message of the quorum. Returns false, and does nothing, for any other message. */
  handle(method: string, body: Uint8Array, reply: Reply, peer: RpcPeer): boolean {
    if (!method.startsWith('raft.')) return false;
    if (this.closed) {
      reply(new RpcError('unavailable', 'the quorum is closed'));
      return true;
    }
    const request = tryDecode(() => decodeRequest(method, body));
    if (request === undefined) {
      const facts = { method, peer: peer.address, error: 'malformed message' };
      this.options.logger.warn('control-message-refused', facts);
      reply(new RpcError('refused', 'malformed message'));
      return true;
    }
    const token = this.nextToken++;
    this.replies.set(token, reply);
    this.input({ type: 'request', token, request });
    return true;
  }

  leader(): LeaderAndEpoch | undefined {
    const { leaderId, epoch } = this.node;
    return leaderId === -1 ? undefined : { nodeId: leaderId, epoch };
  }

  /** The id of the cluster. Undefined until the quorum is formed and this node knows it. */
  clusterId(): Uuid | undefined {
    const { clusterId } = this.node.voters;
    return clusterId === '' ? undefined : clusterId;
  }

  /** For metrics; undefined if this node takes no snapshots. */
  snapshotProgress(): Pick<SnapshotHost, 'ageMs' | 'bytesSince'> | undefined {
    return this.snapshots;
  }

  describe(): QuorumDescription {
    return describeQuorum(this.node, this.options.clock, this.options.voters);
  }

  /**
   * Hands over leadership if this node leads, waits for running writes, closes storage and channels, then
   * calls `done`.
   */
  stop(done: () => void): void {
    if (this.closed) {
      this.options.clock.soon(done);
      return;
    }
    this.stopping.push(done);
    this.input({ type: 'stopRequested' });
  }

  /**
   * Stops like a crash: tells no peer, and does not call the listener. Answers waiting requests with an
   * error. Closes storage and channels, then calls `done`.
   */
  kill(done: () => void): void {
    if (this.closed) {
      this.options.clock.soon(done);
      return;
    }
    this.stopping.push(done);
    this.finishStop();
  }

  private input(input: RaftInput): void {
    if (this.closed) return;
    this.inputs.push(input);
    if (this.stepping) return;
    this.stepping = true;
    for (let next = this.inputs.shift(); next !== undefined; next = this.inputs.shift()) {
      for (const effect of this.node.step(next, this.options.clock.monotonicMs())) {
        if (!this.closed) this.carryOut(effect);
      }
      if (next.type === 'snapshotChecked') this.snapshots?.drop(next.id);
    }
    this.stepping = false;
    this.armTimer();
  }

  private carryOut(effect: RaftEffect): void {
    const { listener } = this.options;
    if (effect.type === 'persist') this.writes.add(effect);
    else if (effect.type === 'send') this.writes.hold(effect.after, () => this.send(effect));
    else if (effect.type === 'reply') this.writes.hold(effect.after, () => this.reply(effect));
    else if (effect.type === 'replyPart') this.replyPart(effect);
    else if (effect.type === 'committed') {
      listener.committed(effect.batches);
      this.snapshots?.committed(effect.batches);
    } else if (effect.type === 'checkSnapshot') this.checkSnapshot(effect.snapshot);
    else if (effect.type === 'installed') this.snapshots!.install(effect.id);
    else if (effect.type === 'published') this.snapshots?.published();
    else if (effect.type === 'becameLeader') listener.becameLeader(effect.epoch);
    else if (effect.type === 'resigned') {
      this.rounds.leadershipEnded();
      listener.resigned(effect.epoch);
    } else if (effect.type === 'confirmed') this.rounds.confirmed(effect.round);
    else if (effect.type === 'leaderChanged') listener.leaderChanged(effect.leader);
    else if (effect.type === 'log') write(this.options.logger, effect);
    else if (effect.type === 'disowned') this.failDisowned(effect);
    else this.finishStop();
  }

  private failDisowned({ clusterId, peers }: Extract<RaftEffect, { type: 'disowned' }>): void {
    this.halt();
    const others = peers.join(' and ');
    fail(
      this.options,
      new Error(
        `this controller's data folder belongs to cluster ${clusterId}, but controllers ${others} belong to another cluster; set another folder in log.dirs, or the right controllers in controller.quorum.voters`,
      ),
    );
  }

  private send({ id, to, request, timeoutMs }: Extract<RaftEffect, { type: 'send' }>): void {
    const { method, body } = encodeRequest(request);
    this.channelTo(to).call(method, body, timeoutMs, (answer) => {
      if (answer instanceof RpcError) {
        this.input({ type: 'sendFailed', id, from: to, failure: answer.kind });
        return;
      }
      const response = tryDecode(() => decodeResponse(request.type, answer));
      if (response === undefined) this.input({ type: 'sendFailed', id, from: to, failure: 'refused' });
      else this.input({ type: 'response', id, from: to, response });
    });
  }

  private reply({
    token,
    response,
  }: Pick<Extract<RaftEffect, { type: 'reply' }>, 'token' | 'response'>): void {
    const reply = this.replies.get(token);
    assert(reply !== undefined, 'a request is answered once');
    this.replies.delete(token);
    // Several fetches in a row may get the same response object, so encode it only once.
    if (this.lastAnswer?.response !== response)
      this.lastAnswer = { response, body: encodeResponse(response) };
    reply(this.lastAnswer.body);
  }

  private replyPart({ token, response }: Extract<RaftEffect, { type: 'replyPart' }>): void {
    const { manifest, part } = response;
    const { id } = manifest!;
    this.options.storage.readPart(id, part, (content) => {
      if (this.closed) return;
      if (content instanceof Error) this.failStorage(content);
      // A listed snapshot must have all its parts. Without this check, a replica would load the same snapshot
      // again and again.
      else if (content === undefined && this.node.snapshots.find(id) !== undefined)
        this.failStorage(new Error(`part ${part} of snapshot ${id.endOffset}-${id.epoch} is missing`));
      else if (content !== undefined) this.reply({ token, response: { ...response, content } });
      else {
        const errorCode = RaftErrorCode.SNAPSHOT_NOT_FOUND;
        this.reply({ token, response: { ...response, errorCode, manifest: undefined } });
      }
    });
  }

  private checkSnapshot(snapshot: Snapshot): void {
    const { id } = snapshot.manifest;
    if (this.snapshots !== undefined) this.snapshots.check(snapshot);
    else this.input({ type: 'snapshotChecked', id, error: 'this node takes no snapshots' });
  }

  private channelTo(id: NodeId): RpcChannel {
    const known = this.channels.get(id);
    if (known !== undefined) return known;
    const recorded = this.node.voters.voters.find((voter) => voter.id === id);
    const address = this.options.voters.find((voter) => voter.id === id) ?? recorded;
    assert(address !== undefined, 'messages go to voters');
    const channel = this.options.rpc.channel({ host: address.host, port: address.port });
    this.channels.set(id, channel);
    return channel;
  }

  private failStorage(error: Error): void {
    this.halt();
    fail(this.options, error);
  }

  private armTimer(): void {
    const at = this.closed ? undefined : this.node.deadline();
    if (at === undefined || at < this.timerAt) {
      this.timer?.cancel();
      this.timer = undefined;
      this.timerAt = Number.POSITIVE_INFINITY;
    }
    // Do not cancel a timer that is too early: deadlines mostly move later, and an early tick does no harm.
    if (at === undefined || this.timer !== undefined) return;
    this.timerAt = at;
    const delayMs = Math.max(0, at - this.options.clock.monotonicMs());
    this.timer = this.options.clock.setTimer(delayMs, () => {
      this.timer = undefined;
      this.timerAt = Number.POSITIVE_INFINITY;
      this.input({ type: 'tick' });
    });
  }

  private finishStop(): void {
    this.halt();
    this.options.storage.close(() => {
      for (const done of this.stopping) done();
      this.stopping = [];
    });
  }

  /**
   * Closes the quorum: drops held messages and queued writes, and answers all waiting requests with an error.
   */
  private halt(): void {
    this.closed = true;
    this.timer?.cancel();
    this.timer = undefined;
    this.snapshots?.close();
    this.writes.close();
    const unanswered = [...this.replies.values()];
    this.replies.clear();
    for (const reply of unanswered) reply(new RpcError('unavailable', 'the quorum is closed'));
    this.rounds.leadershipEnded();
    for (const channel of this.channels.values()) channel.close();
  }
}

/** Decodes the stored snapshot, then starts. */
function prepare(
  options: QuorumOptions,
  state: StoredState,
  identity: Uuid,
  ready: (quorum: Quorum) => void,
): void {
  for (const problem of state.problems) options.logger.error('snapshot-damaged', { reason: problem });
  const { snapshot } = state;
  if (snapshot === undefined) {
    start(options, state, identity, undefined, ready);
    return;
  }
  const { endOffset, epoch } = snapshot.manifest.id;
  const refuse = (reason: string) =>
    fail(options, new Error(`cannot start from snapshot ${endOffset}-${epoch} of the metadata: ${reason}`));
  if (options.snapshots === undefined) refuse('this node takes no snapshots');
  else
    options.snapshots.owner.decodeSnapshot(snapshot, (install) => {
      if (install instanceof Error) refuse(install.message);
      else start(options, state, identity, install, ready);
    });
}

function start(
  options: QuorumOptions,
  state: StoredState,
  identity: Uuid,
  install: Install | undefined,
  ready: (quorum: Quorum) => void,
): void {
  const { snapshot, older } = state;
  const node = new RaftNode({
    nodeId: options.nodeId,
    key: `${options.directoryId}.${identity}`,
    clusterId: options.clusterId ?? '',
    configuredVoters: options.voters,
    mayForm: options.mayForm ?? true,
    config: options.config,
    random: options.random.fork('raft'),
    vote: state.vote,
    start: state.start,
    snapshots: [
      ...(older === undefined ? [] : [older]),
      ...(snapshot === undefined ? [] : [snapshot.manifest]),
    ],
    batches: state.batches,
  });
  const recorded = node.voters.clusterId;
  if (options.clusterId !== undefined && recorded !== '' && recorded !== options.clusterId) {
    fail(
      options,
      new Error(
        `the metadata log belongs to cluster ${recorded}, but its meta.properties names cluster ${options.clusterId}; restore the folder, or set another one in log.dirs`,
      ),
    );
    return;
  }
  const { startOffset, endOffset } = node.log;
  const snapshotEndOffset = snapshot?.manifest.id.endOffset ?? 0;
  options.logger.info('quorum-log-loaded', { startOffset, snapshotEndOffset, endOffset, epoch: node.epoch });
  if (node.log.endOffset === 0 && !node.options.mayForm)
    options.logger.error('quorum-log-missing', {
      clusterId: options.clusterId,
      reason:
        'meta.properties names a cluster, but the metadata log is empty. This controller waits for a leader with that log, and forms no new quorum. Restore the folder metadata-quorum on a majority of the controllers. To give up all metadata and start a new cluster instead, remove meta.properties from the folder of every controller',
    });
  ready(Quorum.started(options, node, install));
}

/** The level is a type parameter, so that the compiler can match the facts with the logger's method. */
function write<L extends Level>(logger: LogMethods, { level, event, facts }: LogEntry<L>): void {
  logger[level](event, facts);
}

function fail(options: QuorumOptions, error: Error): void {
  options.logger.error('quorum-storage-failed', { reason: error.message });
  options.failed?.(error);
}
