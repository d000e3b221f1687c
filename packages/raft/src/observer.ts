/**
 * A broker's view of the metadata log. Finds the leader, fetches committed records continuously, and passes
 * each data record to the listener once, in order. If the leader's log no longer has what the observer needs
 * next, the observer loads the leader's snapshot, part by part. Stores nothing. After a restart it starts
 * from offset 0. Never votes, and never counts for a majority.
 */
import {
  assert,
  type Clock,
  type Logger,
  type NodeId,
  type Offset,
  type QuorumEpoch,
  type Random,
  type Rpc,
  type RpcChannel,
  RpcError,
  type Timer,
  type Uuid,
} from '@millrace/base';
import { type FetchResponse, type FetchSnapshotResponse, RaftErrorCode } from './messages.ts';
import { isNextPart, type LoadedParts, problemOf } from './parts.ts';
import type {
  CommittedBatch,
  LeaderAndEpoch,
  LogBatch,
  QuorumConfig,
  Snapshot,
  SnapshotId,
  SnapshotManifest,
  SnapshotOwner,
  VoterAddress,
} from './types.ts';
import {
  decodeFetchResponse,
  decodeFetchSnapshotResponse,
  decodeVoters,
  encodeRequest,
  tryDecode,
} from './wire.ts';

export interface ObserverListener {
  committed(batches: readonly CommittedBatch[]): void;
  leaderChanged(leader: LeaderAndEpoch | undefined): void;
  /** Called once, before the first committed record. */
  clusterId(id: Uuid): void;
  decodeSnapshot: SnapshotOwner['decodeSnapshot'];
}

export interface ObserverOptions {
  readonly nodeId: NodeId;
  readonly directoryId: Uuid;
  readonly voters: readonly VoterAddress[];
  readonly rpc: Rpc;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly listener: ObserverListener;
  readonly config: QuorumConfig;
}

export class QuorumObserver {
  /** The observer has passed the committed records below this offset to the listener. */
  endOffset: Offset = 0;
  private readonly options: ObserverOptions;
  private readonly config: QuorumConfig;
  private readonly channels = new Map<NodeId, RpcChannel>();
  private lastEpoch: QuorumEpoch = 0;
  private highWatermark: Offset = 0;
  private clusterIdKnown = '';
  private current: LeaderAndEpoch | undefined;
  /**
   * The newest epoch whose leader the observer knew. The observer ignores hints to leaders of older epochs.
   */
  private epoch: QuorumEpoch = 0;
  /** The voter that gets the next fetch. */
  private target: NodeId;
  private timer: Timer | undefined;
  /** A snapshot that the observer loads from the target. */
  private loading: LoadedParts | undefined;
  private running = false;

  constructor(options: ObserverOptions) {
    assert(options.voters.length > 0, 'there are voters to ask');
    this.options = options;
    this.config = options.config;
    this.target = options.voters[options.random.below(options.voters.length)]!.id;
  }

  start(): void {
    assert(!this.running, 'an observer is started once');
    this.running = true;
    this.fetchAfter(0);
  }

  stop(): void {
    this.running = false;
    this.timer?.cancel();
    for (const channel of this.channels.values()) channel.close();
  }

  leader(): LeaderAndEpoch | undefined {
    return this.current;
  }

  private fetchAfter(delayMs: number): void {
    if (!this.running) return;
    if (delayMs === 0) this.options.clock.soon(() => this.fetch());
    else this.timer = this.options.clock.setTimer(delayMs, () => this.fetch());
  }

  private fetch(): void {
    if (!this.running) return;
    if (this.loading !== undefined) {
      this.fetchPart(this.loading);
      return;
    }
    const { target } = this;
    const { method, body } = encodeRequest({
      type: 'fetch',
      clusterId: this.clusterIdKnown,
      replicaId: this.options.nodeId,
      replicaKey: this.options.directoryId,
      observer: true,
      epoch: this.epoch,
      fetchOffset: this.endOffset,
      lastFetchedEpoch: this.lastEpoch,
      highWatermark: this.highWatermark,
      maxWaitMs: this.config.fetchMaxWaitMs,
      round: 0,
    });
    this.channelTo(target).call(method, body, this.config.fetchTimeoutMs, (answer) => {
      if (!this.running) return;
      if (answer instanceof RpcError) this.tryAnother(target);
      else this.take(target, answer);
    });
  }

  private take(from: NodeId, answer: Uint8Array): void {
    const response = tryDecode(() => decodeFetchResponse(answer));
    if (response === undefined) {
      this.tryAnother(from);
      return;
    }
    if (response.errorCode === RaftErrorCode.NOT_LEADER_OR_FOLLOWER) {
      this.followHint(from, response);
      return;
    }
    const isBehind = response.snapshot !== undefined && response.snapshot.endOffset <= this.endOffset;
    if (response.errorCode !== RaftErrorCode.NONE || response.diverging !== undefined || isBehind) {
      // The voter refused the cluster id, or the fetch offset does not fit the voter's log or its snapshot.
      // Within a cluster, committed records never change. So the voter belongs to another cluster, or voters
      // lost their storage.
      const { errorCode } = response;
      this.options.logger.error('metadata-log-diverged', { from, errorCode, endOffset: this.endOffset });
      this.tryAnother(from, this.config.fetchTimeoutMs);
      return;
    }
    if (response.epoch >= this.epoch) {
      this.epoch = response.epoch;
      this.setLeader({ nodeId: response.leaderId, epoch: response.epoch });
    }
    this.highWatermark = Math.max(this.highWatermark, response.highWatermark);
    if (response.snapshot === undefined) this.deliver(response.batches);
    else this.loadSnapshot(from, response.snapshot);
    // Fetch at the end of the turn, so that requests of the listener leave first.
    this.fetchAfter(0);
  }

  private loadSnapshot(from: NodeId, id: SnapshotId): void {
    this.loading = { id, manifest: undefined, parts: [] };
    this.options.logger.info('metadata-snapshot-requested', { from, endOffset: id.endOffset });
  }

  private fetchPart({ id, parts }: LoadedParts): void {
    const { target } = this;
    const { method, body } = encodeRequest({
      type: 'fetchSnapshot',
      clusterId: this.clusterIdKnown,
      replicaId: this.options.nodeId,
      replicaKey: this.options.directoryId,
      observer: true,
      epoch: this.epoch,
      snapshot: id,
      part: parts.length,
      round: 0,
    });
    this.channelTo(target).call(method, body, this.config.fetchTimeoutMs, (answer) => {
      if (!this.running) return;
      const response =
        answer instanceof RpcError ? undefined : tryDecode(() => decodeFetchSnapshotResponse(answer));
      if (response === undefined) this.tryAnother(target);
      else if (response.errorCode === RaftErrorCode.NOT_LEADER_OR_FOLLOWER) this.followHint(target, response);
      else this.takePart(target, response);
    });
  }

  private takePart(from: NodeId, { errorCode, manifest, part, content }: FetchSnapshotResponse): void {
    const loading = this.loading!;
    const isUsable = errorCode === RaftErrorCode.NONE && manifest !== undefined;
    if (!isUsable || !isNextPart(loading, manifest, part)) {
      // Usually the leader has a newer snapshot. The answer to the next fetch names it.
      this.loading = undefined;
      this.fetchAfter(this.config.retryBackoffMs);
      return;
    }
    loading.manifest = manifest;
    loading.parts.push(content);
    if (loading.parts.length < manifest.parts) {
      this.fetchAfter(0);
      return;
    }
    this.loading = undefined;
    this.check(from, { manifest, parts: loading.parts });
  }

  /** The observer fetches nothing while the listener decodes the snapshot. */
  private check(from: NodeId, snapshot: Snapshot): void {
    const problem = problemOf(snapshot);
    if (problem !== undefined) {
      this.reject(from, snapshot, problem);
      return;
    }
    this.options.listener.decodeSnapshot(snapshot, (install) => {
      if (!this.running) return;
      if (install instanceof Error) this.reject(from, snapshot, install.message);
      else this.install(from, snapshot.manifest, install);
    });
  }

  private install(from: NodeId, { id, voters, parts, bytes }: SnapshotManifest, install: () => void): void {
    this.endOffset = id.endOffset;
    this.lastEpoch = id.epoch;
    this.highWatermark = Math.max(this.highWatermark, id.endOffset);
    this.learnClusterId(voters);
    this.options.logger.info('metadata-snapshot-loaded', { from, endOffset: id.endOffset, parts, bytes });
    install();
    this.fetchAfter(0);
  }

  private reject(from: NodeId, { manifest }: Snapshot, reason: string): void {
    const { endOffset } = manifest.id;
    this.options.logger.error('metadata-snapshot-rejected', { from, endOffset, reason });
    this.tryAnother(from, this.config.fetchTimeoutMs);
  }

  private learnClusterId(voters: Uint8Array): void {
    if (this.clusterIdKnown !== '') return;
    const { clusterId } = decodeVoters(voters);
    this.clusterIdKnown = clusterId;
    this.options.listener.clusterId(clusterId);
  }

  private deliver(batches: readonly LogBatch[]): void {
    const data: CommittedBatch[] = [];
    for (const { baseOffset, epoch, kind, records } of batches) {
      assert(baseOffset === this.endOffset, 'the leader answers from where it was asked');
      this.endOffset += records.length;
      this.lastEpoch = epoch;
      if (kind === 'voters') this.learnClusterId(records[0]!);
      else if (kind === 'data') data.push({ baseOffset, epoch, records });
    }
    if (data.length > 0) this.options.listener.committed(data);
  }

  private followHint(from: NodeId, { epoch, leaderId }: FetchResponse | FetchSnapshotResponse): void {
    this.loading = undefined;
    const isUsable = leaderId !== from && epoch >= this.epoch && this.addressOf(leaderId) !== undefined;
    if (!isUsable) {
      this.tryAnother(from);
      return;
    }
    this.epoch = epoch;
    if (this.current?.nodeId === from) this.setLeader(undefined);
    this.target = leaderId;
    this.fetchAfter(0);
  }

  /**
   * Fetches from the next voter after a random delay. The default delay is short, because the voters may be
   * electing a leader now.
   */
  private tryAnother(from: NodeId, delayMs: number = this.config.retryBackoffMs): void {
    this.setLeader(undefined);
    this.loading = undefined;
    const { voters } = this.options;
    const index = voters.findIndex((voter) => voter.id === from);
    this.target = voters[(index + 1) % voters.length]!.id;
    this.fetchAfter(delayMs + this.options.random.below(Math.max(1, delayMs)));
  }

  private setLeader(leader: LeaderAndEpoch | undefined): void {
    const { current } = this;
    if (current?.nodeId === leader?.nodeId && current?.epoch === leader?.epoch) return;
    this.current = leader;
    this.options.listener.leaderChanged(leader);
  }

  private addressOf(id: NodeId): VoterAddress | undefined {
    return this.options.voters.find((voter) => voter.id === id);
  }

  private channelTo(id: NodeId): RpcChannel {
    const known = this.channels.get(id);
    if (known !== undefined) return known;
    const { host, port } = this.addressOf(id)!;
    const channel = this.options.rpc.channel({ host, port });
    this.channels.set(id, channel);
    return channel;
  }
}
