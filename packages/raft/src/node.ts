/**
 * RaftNode: the state machine of the quorum on one node. Owns epoch, vote, role, log and high watermark.
 * Takes one input at a time and returns effects. Never reads a clock, never sends or writes itself. The
 * handlers are in election.ts, leader.ts and follower.ts. A handler changes the state, persists it and
 * replies. After every input the pump of the present role looks at the whole state, and does everything else
 * that is due. There is one exception: a node that stops sends its requests without a pump (startStopping in
 * roles.ts).
 *
 * KIP-595 (pull replication), KIP-996 (pre-vote), KIP-853 (voters known by id and storage).
 */
import {
  assert,
  type EventName,
  type FactsWithout,
  type Level,
  type Millis,
  type NodeId,
  type Offset,
  type QuorumEpoch,
  type Random,
} from '@millrace/base';
import type { LogEffect, RaftEffect, RaftInput } from './effects.ts';
import { electionDeadline, handleVote, onVoteFailed, onVoteResponse, pumpElection } from './election.ts';
import {
  followerDeadline,
  handleBegin,
  handleEnd,
  onFetchFailed,
  onFetchResponse,
  pumpFollower,
} from './follower.ts';
import { handleFetch, leaderDeadline, onEpochFailed, onEpochResponse, pumpLeader } from './leader.ts';
import { RaftLog } from './log.ts';
import type { RaftRequest, RaftResponse } from './messages.ts';
import type { Election, Following, Leading, Role } from './roles.ts';
import { startStopping } from './roles.ts';
import { onSnapshotChecked, onSnapshotResponse } from './snapshot-loading.ts';
import { handleFetchSnapshot, OwnSnapshots } from './snapshots.ts';
import type { StorageWrite } from './storage.ts';
import type {
  CommittedBatch,
  LeaderAndEpoch,
  LogBatch,
  QuorumConfig,
  SnapshotId,
  SnapshotManifest,
  VoterAddress,
  VoterKey,
  VoteState,
} from './types.ts';
import { keyOf, type VoterSet, votersOf } from './voters.ts';

export interface RaftNodeOptions {
  readonly nodeId: NodeId;
  /** The key of this node's own storage; already durable. */
  readonly key: VoterKey;
  /** The id of the cluster that this node must belong to; '' for any cluster. */
  readonly clusterId: string;
  readonly configuredVoters: readonly VoterAddress[];
  /**
   * False if a quorum existed before. Then an empty log means that this node lost its log: the node may
   * follow a leader, but must not form a new quorum.
   */
  readonly mayForm: boolean;
  readonly config: QuorumConfig;
  readonly random: Random;
  /** The vote that the host loaded from the storage. */
  readonly vote: VoteState;
  /** Where the loaded log begins. Default: at offset 0. */
  readonly start?: SnapshotId;
  /** The published snapshots, the older one first. */
  readonly snapshots?: readonly SnapshotManifest[];
  /** The loaded log. The node keeps each batch only as long as its log has the batch. */
  readonly batches: readonly LogBatch[];
}

interface PersistInFlight {
  readonly sequence: number;
  /**
   * When this persist is durable, the log below `logEnd` is durable. A truncation while the persist is in
   * flight lowers `logEnd`.
   */
  logEnd: Offset;
}

/** The facts of an event without the epoch: logEvent adds the epoch. */
type Given = FactsWithout<'epoch', 'quorum'>;

export class RaftNode {
  readonly options: Omit<RaftNodeOptions, 'batches'>;
  readonly log: RaftLog;
  readonly snapshots: OwnSnapshots;
  /** The epoch never decreases, and is durable before this node sends a message in it. */
  epoch: QuorumEpoch;
  /** The candidate that this node voted for in this epoch; -1: none. */
  votedFor: NodeId;
  role: Role = 'unattached';
  /** Leader of `epoch`; -1: not known. Only a follower and the leader itself know the leader. */
  leaderId: NodeId = -1;
  voters: VoterSet;
  /**
   * The end of the committed records that this node has passed on: by `committed` effects, or in a snapshot.
   * Never decreases; <= log.endOffset.
   */
  highWatermark: Offset = 0;
  /**
   * The last epoch whose leader said that it no longer leads. This node never follows a leader of that epoch
   * again, even if a peer still names that leader.
   */
  endedEpoch: QuorumEpoch = -1;
  /** When an unattached, prospective or candidate node starts its next pre-vote. */
  electionAt: Millis = 0;
  /** How often a broken connection made this node suspect a leader since the last successful fetch. */
  suspicions = 0;
  election: Election | undefined;
  following: Following | undefined;
  leading: Leading | undefined;
  /**
   * The time at which a stopping node stops waiting for peers; set by stopRequested. A stopping node starts
   * no election.
   */
  stopAt: Millis | undefined;
  stopped = false;
  /**
   * The number of the last persist that carried a vote or an epoch. Every later message waits for this
   * persist.
   */
  voteSequence = 0;
  persistedSequence = 0;
  /** Unanswered EndQuorumEpoch requests of a stopping leader. */
  endsInFlight = new Set<number>();
  /** True if the voters record does not name this node's storage, so that this node may not vote. */
  replaced = false;
  private persistSequence = 0;
  private readonly persistsInFlight: PersistInFlight[] = [];
  /** Everything in the log below this offset is part of a persist. */
  private flushedEnd: Offset;
  private announcedLeader: LeaderAndEpoch | undefined;
  private nextId = 1;
  private effects: RaftEffect[] = [];

  constructor({ batches, ...options }: RaftNodeOptions) {
    this.options = options;
    this.log = new RaftLog(options.start);
    this.snapshots = new OwnSnapshots(options.snapshots);
    for (const batch of batches) this.log.append(batch);
    this.log.durableEnd = this.log.endOffset;
    this.flushedEnd = this.log.endOffset;
    const snapshotEnd = this.snapshots.newest?.id.endOffset ?? 0;
    assert(snapshotEnd >= this.log.startOffset, 'a snapshot holds what was before the log');
    assert(snapshotEnd <= this.log.endOffset, 'the log reaches its snapshot');
    this.highWatermark = snapshotEnd;
    this.epoch = Math.max(options.vote.epoch, this.log.lastEpoch);
    this.votedFor = this.epoch === options.vote.epoch ? options.vote.votedFor : -1;
    this.voters = votersOf(this.votersRecord, options.configuredVoters);
  }

  get nodeId(): NodeId {
    return this.options.nodeId;
  }

  get config(): QuorumConfig {
    return this.options.config;
  }

  /** The id of the cluster; '' while it is unknown. */
  get clusterId(): string {
    return this.voters.clusterId === '' ? this.options.clusterId : this.voters.clusterId;
  }

  /** The log's first record, from the log or from a snapshot. Undefined: the log is empty. */
  get votersRecord(): Uint8Array | undefined {
    if (this.log.startOffset > 0) return this.snapshots.newest!.voters;
    const { first } = this.log;
    return first?.kind === 'voters' ? first.records[0] : undefined;
  }

  /** Whether this node may vote and be a candidate: it is a voter with the storage that the quorum knows. */
  get mayVote(): boolean {
    return !this.replaced && keyOf(this.voters, this.nodeId) !== undefined;
  }

  step(input: RaftInput, now: Millis): RaftEffect[] {
    this.flush();
    this.dispatch(input, now);
    this.pump(now);
    this.invariants();
    const { effects } = this;
    this.effects = [];
    return effects;
  }

  /**
   * Appends the records as one batch, if this node leads. The next `step` returns the effects, so all
   * proposals of one turn share a write. Returns the offset of the last record; undefined when this node does
   * not lead.
   */
  propose(records: readonly Uint8Array[]): Offset | undefined {
    assert(records.length > 0, 'a proposal has records');
    if (this.role !== 'leader' || this.stopAt !== undefined) return undefined;
    this.appendOwn('data', records);
    return this.log.endOffset - 1;
  }

  /** The time at which `tick` is due; undefined: no tick is due. */
  deadline(): Millis | undefined {
    let at = Number.POSITIVE_INFINITY;
    if (this.stopped) return undefined;
    if (this.stopAt !== undefined) at = this.stopAt;
    if (this.role === 'follower') at = Math.min(at, followerDeadline(this));
    else if (this.role === 'leader') at = Math.min(at, leaderDeadline(this));
    else if (this.stopAt === undefined) at = Math.min(at, this.electionAt, electionDeadline(this));
    return at === Number.POSITIVE_INFINITY ? undefined : at;
  }

  private dispatch(input: RaftInput, now: Millis): void {
    if (this.stopped) return;
    if (input.type === 'request') this.onRequest(input.token, input.request, now);
    else if (input.type === 'response') this.onResponse(input.id, input.from, input.response, now);
    else if (input.type === 'persisted') this.onPersisted(input.sequence);
    else if (input.type === 'sendFailed') {
      onVoteFailed(this, input, now);
      onFetchFailed(this, input, now);
      onEpochFailed(this, input, now);
    } else if (input.type === 'snapshotWritten') this.snapshots.written(this, input.manifest);
    else if (input.type === 'snapshotChecked') onSnapshotChecked(this, input.id, input.error, now);
    else if (input.type === 'started') this.onStarted(now);
    else if (input.type === 'stopRequested') startStopping(this, now);
  }

  private onStarted(now: Millis): void {
    this.checkVoters();
    // The first election does not wait for a timeout. Lower ids tend to start sooner, so that two nodes
    // rarely collide.
    const rank = this.voters.voters.findIndex((voter) => voter.id === this.nodeId);
    this.electionAt = this.voters.voters.length === 1 ? now : now + rank * 15 + this.options.random.below(20);
  }

  private onRequest(token: number, request: RaftRequest, now: Millis): void {
    if (request.type === 'vote') handleVote(this, token, request, now);
    else if (request.type === 'fetch') handleFetch(this, token, request, now);
    else if (request.type === 'fetchSnapshot') handleFetchSnapshot(this, token, request, now);
    else if (request.type === 'begin') handleBegin(this, token, request, now);
    else handleEnd(this, token, request, now);
  }

  private onResponse(id: number, from: NodeId, response: RaftResponse, now: Millis): void {
    if (response.type === 'vote') onVoteResponse(this, id, from, response, now);
    else if (response.type === 'fetch') onFetchResponse(this, id, from, response, now);
    else if (response.type === 'fetchSnapshot') onSnapshotResponse(this, id, from, response, now);
    else onEpochResponse(this, id, from, response, now);
  }

  private onPersisted(sequence: number): void {
    assert(sequence > this.persistedSequence, 'writes are confirmed in order');
    this.persistedSequence = sequence;
    while (this.persistsInFlight.length > 0 && this.persistsInFlight[0]!.sequence <= sequence) {
      const { logEnd } = this.persistsInFlight.shift()!;
      this.log.durableEnd = Math.max(this.log.durableEnd, logEnd);
    }
    this.snapshots.persisted(this, sequence);
  }

  /** Runs the pump of the present role, again and again until a pump changes neither role nor epoch. */
  private pump(now: Millis): void {
    for (let rounds = 0; ; rounds++) {
      assert(rounds < 20, 'roles settle');
      const { role, epoch } = this;
      if (this.stopped) return;
      if (this.stopAt !== undefined && now >= this.stopAt) this.finishStop();
      else if (role === 'follower') pumpFollower(this, now);
      else if (role === 'leader') pumpLeader(this, now);
      else if (this.stopAt === undefined) pumpElection(this, now);
      if (role === this.role && epoch === this.epoch) break;
    }
    this.announceLeader();
  }

  get hasPersistsInFlight(): boolean {
    return this.persistsInFlight.length > 0;
  }

  /** Called when a peer answered EndQuorumEpoch, or the request to it failed. */
  endAnswered(id: number): void {
    if (this.endsInFlight.delete(id) && this.endsInFlight.size === 0) this.finishStop();
  }

  finishStop(): void {
    this.stopped = true;
    this.emit({ type: 'stopped' });
  }

  // Methods that the handlers use.

  emit(effect: RaftEffect): void {
    this.effects.push(effect);
  }

  logEvent<L extends Level, Name extends keyof Given[L]>(level: L, event: Name, facts: Given[L][Name]): void;
  logEvent(level: Level, event: EventName, facts: object): void {
    // The signature above has checked that event and facts match. The cast is needed because the event is a
    // type parameter: the compiler cannot see that the epoch completes its facts.
    this.emit({ type: 'log', level, event, facts: { epoch: this.epoch, ...facts } } as LogEffect);
  }

  send(to: NodeId, request: RaftRequest, timeoutMs: Millis): number {
    const id = this.nextId++;
    this.emit({ type: 'send', id, to, request, timeoutMs, after: this.voteSequence });
    return id;
  }

  reply(token: number, response: RaftResponse): void {
    this.emit({ type: 'reply', token, response, after: this.voteSequence });
  }

  persist(writes: readonly StorageWrite[]): number {
    const sequence = ++this.persistSequence;
    this.persistsInFlight.push({ sequence, logEnd: this.flushedEnd });
    this.emit({ type: 'persist', sequence, writes });
    return sequence;
  }

  saveVote(epoch: QuorumEpoch, votedFor: NodeId): void {
    assert(epoch >= this.epoch, 'the epoch never falls');
    assert(epoch > this.epoch || this.votedFor === -1, 'one vote in an epoch');
    this.epoch = epoch;
    this.votedFor = votedFor;
    this.voteSequence = this.persist([{ type: 'vote', vote: { epoch, votedFor } }]);
  }

  /** Appends a batch of this leader to its log. `flush` writes it later. */
  appendOwn(kind: LogBatch['kind'], records: readonly Uint8Array[]): void {
    this.log.append({ baseOffset: this.log.endOffset, epoch: this.epoch, kind, records });
    if (kind === 'voters') this.checkVoters();
  }

  appendFetched(batches: readonly LogBatch[]): void {
    for (const batch of batches) {
      this.log.append(batch);
      if (batch.kind === 'voters') this.checkVoters();
    }
    this.flush();
  }

  /** Hands all appended batches to one persist. */
  flush(): void {
    if (this.flushedEnd === this.log.endOffset) return;
    const batches = this.log.read(this.flushedEnd, this.log.endOffset, Number.POSITIVE_INFINITY);
    this.flushedEnd = this.log.endOffset;
    this.persist([{ type: 'append', batches }]);
  }

  truncateTo(offset: Offset): void {
    assert(offset >= this.highWatermark, 'committed records are never cut');
    assert(this.flushedEnd === this.log.endOffset, 'only a flushed log is cut');
    this.logEvent('warn', 'quorum-log-truncated', { fromOffset: this.log.endOffset, toOffset: offset });
    this.log.truncateTo(offset);
    this.flushedEnd = offset;
    for (const inFlight of this.persistsInFlight) inFlight.logEnd = Math.min(inFlight.logEnd, offset);
    this.persist([{ type: 'truncate', offset }]);
    this.checkVoters();
  }

  /**
   * Replaces the log by a leader's snapshot, which holds more committed records than this node knows of. The
   * parts of the snapshot are durable already.
   */
  install(manifest: SnapshotManifest): void {
    const { id } = manifest;
    assert(id.endOffset > this.highWatermark, 'a snapshot brings news');
    assert(this.flushedEnd === this.log.endOffset, 'only a flushed log is replaced');
    assert(this.leading === undefined, 'a leader loads no snapshot');
    this.log.startAt(id);
    this.flushedEnd = id.endOffset;
    this.highWatermark = id.endOffset;
    // No part of the new log counts as durable before the persist below is durable.
    for (const inFlight of this.persistsInFlight) inFlight.logEnd = 0;
    this.snapshots.installed(manifest, this.persist([{ type: 'installSnapshot', manifest }]));
    this.checkVoters();
    this.emit({ type: 'installed', id });
  }

  /**
   * Raises the high watermark towards `offset`, and passes on the newly committed batches, up to the limit of
   * one turn (`commitMaxBytes`). So a restarted node applies a long log over many turns of the event loop.
   * The high watermark may lag behind meanwhile, because other code uses it only as a lower bound.
   */
  commitTo(offset: Offset): void {
    assert(offset <= this.log.endOffset, 'only what is in the log is committed');
    if (offset <= this.highWatermark) return;
    assert(this.log.isBorder(offset), 'the high watermark is the border of a batch');
    const batches: CommittedBatch[] = [];
    for (const batch of this.log.read(this.highWatermark, offset, this.config.commitMaxBytes)) {
      const { baseOffset, epoch, records } = batch;
      this.highWatermark = baseOffset + records.length;
      if (batch.kind === 'data') batches.push({ baseOffset, epoch, records });
    }
    if (batches.length > 0) this.emit({ type: 'committed', batches });
  }

  private checkVoters(): void {
    this.voters = votersOf(this.votersRecord, this.options.configuredVoters);
    const recorded = keyOf(this.voters, this.nodeId);
    const replaced = this.voters.formed && recorded !== this.options.key;
    if (replaced && !this.replaced) {
      this.logEvent('error', 'voter-storage-replaced', {
        nodeId: this.nodeId,
        reason: 'the quorum was formed with another storage of this node, so it follows but never votes',
      });
    }
    this.replaced = replaced;
  }

  private announceLeader(): void {
    const leader = this.leaderId === -1 ? undefined : { nodeId: this.leaderId, epoch: this.epoch };
    const known = this.announcedLeader;
    if (leader?.nodeId === known?.nodeId && leader?.epoch === known?.epoch) return;
    this.announcedLeader = leader;
    this.emit({ type: 'leaderChanged', leader });
  }

  private invariants(): void {
    assert(this.log.durableEnd <= this.log.endOffset, 'durable is a part of the log');
    assert(this.highWatermark <= this.log.endOffset, 'committed is a part of the log');
    assert(this.log.startOffset <= this.highWatermark, 'a log is shortened below the high watermark');
    assert(this.log.lastEpoch <= this.epoch, 'no record is newer than the epoch');
    assert((this.role === 'leader') === (this.leading !== undefined), 'leader state belongs to the leader');
    assert((this.role === 'follower') === (this.following !== undefined), 'follower state belongs to it');
    assert(this.role !== 'leader' || this.votedFor === this.nodeId, 'a leader voted for itself');
    const leads = this.role === 'leader';
    assert(leads === (this.leaderId === this.nodeId), 'only the leader calls itself so');
    assert((this.leaderId !== -1) === (leads || this.role === 'follower'), 'a leader is known in two roles');
  }
}
