/** Runs one RaftNode. A test gives it events, and gets its effects as the short lines of a transcript. */
import { type Millis, Prng } from '@millrace/base';
import {
  type FetchRequest,
  type FetchResponse,
  type LogBatch,
  type RaftEffect,
  type RaftInput,
  RaftNode,
  type RaftRequest,
  type RaftResponse,
  type SnapshotId,
  type SnapshotManifest,
  type VoteRequest,
  type VoteResponse,
  type VoteState,
} from '../../src/index.ts';
import { encodeLeaderChange, encodeVoters } from '../../src/wire.ts';
import { quorumConfig } from './settings.ts';

export const clusterId = new Prng(99).uuid();
export const keyOf = (id: number) => `key-${id}`;

export function data(baseOffset: number, epoch: number, ...texts: string[]): LogBatch {
  return { baseOffset, epoch, kind: 'data', records: texts.map((text) => new TextEncoder().encode(text)) };
}

/** The first record of a formed quorum, at offset 0. */
export function formed(voters = 3, epoch = 1): LogBatch {
  const record = encodeVoters({
    clusterId,
    voters: Array.from({ length: voters }, (_, index) => ({
      id: index + 1,
      key: keyOf(index + 1),
      host: `h${index + 1}`,
      port: 9001 + index,
    })),
  });
  return { baseOffset: 0, epoch, kind: 'voters', records: [record] };
}

export function leaderChange(baseOffset: number, epoch: number, leaderId: number): LogBatch {
  const record = encodeLeaderChange({ leaderId, voters: [1, 2, 3], grantingVoters: [] });
  return { baseOffset, epoch, kind: 'leaderChange', records: [record] };
}

export interface SubjectOptions {
  id?: number;
  voters?: number;
  vote?: VoteState;
  batches?: LogBatch[];
  start?: SnapshotId;
  snapshots?: SnapshotManifest[];
  key?: string;
  mayForm?: boolean;
}

export class Subject {
  readonly raft: RaftNode;
  now: Millis = 1000;
  /** The requests that still need an answer, oldest first. */
  readonly sent: { id: number; to: number; request: RaftRequest; after: number }[] = [];
  private token = 0;

  constructor(o: SubjectOptions = {}) {
    const { id = 1, voters = 3, vote = { epoch: 0, votedFor: -1 }, batches = [], start, snapshots } = o;
    this.raft = new RaftNode({
      nodeId: id,
      key: o.key ?? keyOf(id),
      clusterId: '',
      configuredVoters: Array.from({ length: voters }, (_, index) => ({
        id: index + 1,
        host: `h${index + 1}`,
        port: 9001 + index,
      })),
      mayForm: o.mayForm ?? true,
      config: quorumConfig,
      random: new Prng(5),
      vote,
      batches,
      ...(start === undefined ? {} : { start }),
      ...(snapshots === undefined ? {} : { snapshots }),
    });
  }

  do(input: RaftInput): string[] {
    return this.show(this.raft.step(input, this.now));
  }

  start(): string[] {
    return this.do({ type: 'started' });
  }

  /** Moves time by `ms`, with a tick at each deadline on the way. */
  pass(ms: Millis): string[] {
    const end = this.now + ms;
    const lines: string[] = [];
    for (let at = this.raft.deadline(); at !== undefined && at <= end; at = this.raft.deadline()) {
      this.now = Math.max(at, this.now);
      lines.push(...this.do({ type: 'tick' }));
    }
    this.now = end;
    return lines;
  }

  ask(request: RaftRequest): string[] {
    return this.do({ type: 'request', token: ++this.token, request });
  }

  /** Answers the oldest open request to a peer. */
  answer(from: number, response: RaftResponse): string[] {
    return this.do({ type: 'response', id: this.take(from), from, response });
  }

  fail(from: number, failure: 'unavailable' | 'timeout' = 'unavailable'): string[] {
    return this.do({ type: 'sendFailed', id: this.take(from), from, failure });
  }

  persisted(sequence: number): string[] {
    return this.do({ type: 'persisted', sequence });
  }

  private take(to: number): number {
    const index = this.sent.findIndex((sent) => sent.to === to);
    if (index === -1) throw new Error(`nothing was sent to ${to}`);
    return this.sent.splice(index, 1)[0]!.id;
  }

  private show(effects: readonly RaftEffect[]): string[] {
    const lines: string[] = [];
    for (const effect of effects) {
      if (effect.type === 'send') this.sent.push(effect);
      const line = showEffect(effect);
      if (line !== undefined) lines.push(line);
    }
    return lines;
  }
}

function after(sequence: number): string {
  return sequence === 0 ? '' : ` after #${sequence}`;
}

function showEffect(effect: RaftEffect): string | undefined {
  if (effect.type === 'persist') {
    const writes = effect.writes.map((write) => {
      if (write.type === 'vote') return `vote e${write.vote.epoch} for ${write.vote.votedFor}`;
      if (write.type === 'truncate') return `truncate ${write.offset}`;
      if (write.type === 'append')
        return `append ${write.batches.map((b) => `${b.kind} e${b.epoch}@${b.baseOffset}`).join(' ')}`;
      if (write.type === 'snapshotPart') return `part ${write.part} of ${write.id.endOffset}`;
      return write.type;
    });
    return `#${effect.sequence} ${writes.join(', ')}`;
  }
  if (effect.type === 'send') return `-> ${effect.to} ${showRequest(effect.request)}${after(effect.after)}`;
  if (effect.type === 'reply') return `<- ${showResponse(effect.response)}${after(effect.after)}`;
  if (effect.type === 'committed')
    return `committed ${effect.batches.map((b) => `e${b.epoch}@${b.baseOffset}`).join(' ')}`;
  if (effect.type === 'leaderChanged') return `leader ${effect.leader?.nodeId ?? 'none'}`;
  if (effect.type === 'confirmed') return `confirmed round ${effect.round}`;
  if (effect.type === 'becameLeader' || effect.type === 'resigned') return `${effect.type} e${effect.epoch}`;
  if (effect.type === 'log') return effect.level === 'error' ? `error ${effect.event}` : undefined;
  return effect.type;
}

function showRequest(request: RaftRequest): string {
  if (request.type === 'vote')
    return `${request.formation ? 'formation ' : ''}${request.preVote ? 'pre-vote' : 'vote'} e${request.epoch}`;
  if (request.type === 'fetch')
    return `fetch e${request.epoch} from ${request.fetchOffset}/${request.lastFetchedEpoch}${showRound(request)}`;
  if (request.type === 'fetchSnapshot')
    return `fetch-snapshot e${request.epoch} ${request.snapshot.endOffset} part ${request.part}`;
  if (request.type === 'end') return `end e${request.epoch} ${request.preferredSuccessors.join(',')}`;
  return `begin e${request.epoch}`;
}

function showResponse(response: RaftResponse): string {
  const error = response.errorCode === 0 ? '' : ` error ${response.errorCode}`;
  if (response.type === 'vote')
    return `${response.granted ? 'granted' : 'denied'} e${response.epoch}${error}${response.leaderId === -1 ? '' : ` leader ${response.leaderId}`}`;
  if (response.type !== 'fetch') return `${response.type} ok e${response.epoch}${error}`;
  const { diverging, snapshot, batches, highWatermark } = response;
  if (error !== '') return `fetched${error}`;
  if (diverging !== undefined) return `diverging e${diverging.epoch} ends ${diverging.endOffset}`;
  if (snapshot !== undefined) return `snapshot ${snapshot.endOffset}-${snapshot.epoch}`;
  const what =
    `fetched hw ${highWatermark} ${batches.map((b) => `e${b.epoch}@${b.baseOffset}`).join(' ')}`.trim();
  return `${what}${showRound(response)}`;
}

function showRound({ round }: { readonly round: number }): string {
  return round === 0 ? '' : ` round ${round}`;
}

// Messages from peers, with defaults for the fields that a test does not need.

export function vote(o: Partial<VoteRequest> & { epoch: number; candidateId: number }): VoteRequest {
  return {
    type: 'vote',
    clusterId: '',
    candidateKey: keyOf(o.candidateId),
    voterKey: keyOf(1),
    logEndOffset: 0,
    logLastEpoch: 0,
    preVote: false,
    formation: false,
    ...o,
  };
}

export function granted(from: number, epoch: number, o: Partial<VoteResponse> = {}): VoteResponse {
  return {
    type: 'vote',
    errorCode: 0,
    epoch,
    leaderId: -1,
    granted: true,
    logEmpty: false,
    voterKey: keyOf(from),
    ...o,
  };
}

export function fetch(replicaId: number, epoch: number, o: Partial<FetchRequest> = {}): FetchRequest {
  return {
    type: 'fetch',
    clusterId,
    replicaId,
    replicaKey: keyOf(replicaId),
    observer: false,
    epoch,
    fetchOffset: 0,
    lastFetchedEpoch: 0,
    highWatermark: 0,
    maxWaitMs: 400,
    round: 0,
    ...o,
  };
}

export function fetched(leaderId: number, epoch: number, o: Partial<FetchResponse> = {}): FetchResponse {
  return {
    type: 'fetch',
    errorCode: 0,
    epoch,
    leaderId,
    clusterId,
    highWatermark: 0,
    diverging: undefined,
    snapshot: undefined,
    batches: [],
    round: 0,
    ...o,
  };
}
