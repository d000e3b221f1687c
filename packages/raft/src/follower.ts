/**
 * The part of a RaftNode that works while the node is a follower. The follower has one fetch in flight. It
 * sends the next fetch only when all fetched records are durable. So the leader may count every record below
 * the fetch offset as durable at the follower. The follower truncates its log where the leader says that the
 * two logs diverge. This file also handles BeginQuorumEpoch and EndQuorumEpoch.
 */
import type { Millis, NodeId } from '@millrace/base';
import type { RaftInput } from './effects.ts';
import type { EpochEnd } from './log.ts';
import {
  type BeginRequest,
  type EndRequest,
  type FetchRequest,
  type FetchResponse,
  type FetchSnapshotResponse,
  RaftErrorCode,
} from './messages.ts';
import type { RaftNode } from './node.ts';
import {
  becomeCandidate,
  becomeFollower,
  becomeProspective,
  becomeUnattached,
  epochResponse,
  learnEpoch,
} from './roles.ts';
import { loadSnapshot, nextPart } from './snapshot-loading.ts';
import { keyOf } from './voters.ts';

export function pumpFollower(node: RaftNode, now: Millis): void {
  const following = node.following!;
  if (now >= Math.min(following.timeoutAt, following.suspectAt)) {
    if (now >= following.timeoutAt) node.logEvent('info', 'leader-timed-out', { leaderId: node.leaderId });
    becomeProspective(node, now);
    return;
  }
  if (following.fetchInFlight !== undefined || following.fetchAt > now) return;
  if (node.log.durableEnd < node.log.endOffset || node.hasPersistsInFlight) return;
  const part = nextPart(node);
  if (part !== undefined) {
    following.fetchInFlight = node.send(node.leaderId, part, node.config.fetchTimeoutMs);
    return;
  }
  const request: FetchRequest = {
    type: 'fetch',
    clusterId: node.clusterId,
    replicaId: node.nodeId,
    replicaKey: node.options.key,
    observer: false,
    epoch: node.epoch,
    fetchOffset: node.log.endOffset,
    lastFetchedEpoch: node.log.lastEpoch,
    highWatermark: node.highWatermark,
    maxWaitMs: node.config.fetchMaxWaitMs,
    round: following.round,
  };
  following.fetchInFlight = node.send(node.leaderId, request, node.config.fetchTimeoutMs);
}

export function followerDeadline(node: RaftNode): Millis {
  const { timeoutAt, suspectAt, fetchAt, fetchInFlight } = node.following!;
  const at = Math.min(timeoutAt, suspectAt);
  const waits = fetchInFlight !== undefined || node.hasPersistsInFlight;
  return waits ? at : Math.min(at, fetchAt);
}

/**
 * Returns whether this node accepts an answer. It must be the answer to the request in flight, name no other
 * leader or epoch, and have no error except SNAPSHOT_NOT_FOUND. An accepted answer shows that the leader
 * still works, so the fetch timeout begins again.
 */
export function acceptAnswer(
  node: RaftNode,
  id: number,
  from: NodeId,
  response: FetchResponse | FetchSnapshotResponse,
  now: Millis,
): boolean {
  const current = node.following?.fetchInFlight === id && node.leaderId === from;
  if (current) node.following!.fetchInFlight = undefined;
  if (response.errorCode === RaftErrorCode.INCONSISTENT_CLUSTER_ID) {
    node.logEvent('error', 'cluster-id-mismatched', { peerId: from, clusterId: node.clusterId });
    if (current) node.following!.fetchAt = now + node.config.fetchTimeoutMs / 4;
    return false;
  }
  const { epoch } = node;
  learnEpoch(node, response, now);
  if (!current || node.epoch !== epoch || node.leaderId !== from) return false;
  const isRefused =
    response.errorCode !== RaftErrorCode.NONE && response.errorCode !== RaftErrorCode.SNAPSHOT_NOT_FOUND;
  if (isRefused || response.epoch !== node.epoch) {
    onFetchError(node, response, now);
    return false;
  }
  const following = node.following!;
  following.timeoutAt = now + node.config.fetchTimeoutMs;
  following.suspectAt = Number.POSITIVE_INFINITY;
  following.fetchAt = now;
  following.fetched = true;
  following.round = response.round;
  node.suspicions = 0;
  return true;
}

export function onFetchResponse(
  node: RaftNode,
  id: number,
  from: NodeId,
  response: FetchResponse,
  now: Millis,
): void {
  if (!acceptAnswer(node, id, from, response, now)) return;
  const following = node.following!;
  if (response.snapshot !== undefined) {
    loadSnapshot(node, response.snapshot, now);
    return;
  }
  following.loading = undefined;
  if (response.diverging !== undefined) {
    cut(node, response.diverging, now);
    return;
  }
  if (!continues(node, response)) {
    node.logEvent('error', 'fetch-answer-malformed', { leaderId: from });
    following.fetchAt = now + node.config.retryBackoffMs;
    return;
  }
  node.appendFetched(response.batches);
  node.commitTo(Math.min(response.highWatermark, node.log.endOffset));
}

/** Handles an error response. If the followed node no longer leads, this node soon starts a pre-vote. */
function onFetchError(node: RaftNode, response: FetchResponse | FetchSnapshotResponse, now: Millis): void {
  if (response.errorCode === RaftErrorCode.NOT_LEADER_OR_FOLLOWER) {
    node.endedEpoch = node.epoch;
    becomeUnattached(node, node.epoch, now);
    node.electionAt =
      now + node.config.retryBackoffMs + node.options.random.below(node.config.electionTimeoutMs / 2);
    return;
  }
  node.following!.fetchAt = now + node.config.retryBackoffMs;
}

/**
 * Truncates this log (KIP-595). The diverging epoch ends at one offset in the leader's log, and at another
 * one in this log: the smaller of the two is the new end. If this log has no such epoch, its new end is the
 * end of its next older epoch. If the logs still diverge, the next fetch truncates further.
 */
function cut(node: RaftNode, diverging: EpochEnd, now: Millis): void {
  const own = node.log.endOf(diverging.epoch);
  if (own === undefined) {
    node.logEvent('error', 'fetch-answer-malformed', { leaderId: node.leaderId });
    node.following!.fetchAt = now + node.config.retryBackoffMs;
    return;
  }
  const offset = own.epoch === diverging.epoch ? Math.min(own.endOffset, diverging.endOffset) : own.endOffset;
  if (offset < node.log.endOffset) node.truncateTo(offset);
}

/** Whether the batches continue this log without a gap, with valid epochs. */
function continues(node: RaftNode, response: FetchResponse): boolean {
  let offset = node.log.endOffset;
  let { lastEpoch } = node.log;
  for (const batch of response.batches) {
    if (batch.baseOffset !== offset || batch.epoch < lastEpoch || batch.epoch > node.epoch) return false;
    if ((batch.kind === 'voters') !== (batch.baseOffset === 0)) return false;
    offset += batch.records.length;
    lastEpoch = batch.epoch;
  }
  return true;
}

export function onFetchFailed(
  node: RaftNode,
  { id, failure }: Extract<RaftInput, { type: 'sendFailed' }>,
  now: Millis,
): void {
  const { following } = node;
  if (following?.fetchInFlight !== id) return;
  following.fetchInFlight = undefined;
  following.fetchAt = now + node.config.retryBackoffMs;
  if (failure !== 'unavailable' || following.suspectAt !== Number.POSITIVE_INFINITY) return;
  // A broken connection mostly means a dead process, so this node soon starts a pre-vote. A successful fetch
  // cancels the pre-vote. The bound of the random delay doubles with each broken connection, because
  // perhaps only this node cannot reach the leader.
  const { electionTimeoutMs, retryBackoffMs } = node.config;
  const spread = Math.min(electionTimeoutMs, (electionTimeoutMs / 6) * 2 ** Math.min(node.suspicions, 10));
  node.suspicions++;
  following.suspectAt = now + retryBackoffMs * 2 + node.options.random.below(Math.ceil(spread));
  node.logEvent('info', 'leader-connection-lost', { leaderId: node.leaderId });
}

export function handleBegin(node: RaftNode, token: number, request: BeginRequest, now: Millis): void {
  const errorCode = checkLeaderRequest(node, request);
  if (errorCode === RaftErrorCode.NONE && request.epoch >= node.epoch && node.stopAt === undefined) {
    if (request.epoch > node.epoch || node.leaderId === -1) {
      if (node.role !== 'leader' || request.epoch > node.epoch) follow(node, request, now);
    }
  }
  node.reply(token, epochResponse(node, 'begin', errorCode));
}

function follow(node: RaftNode, { leaderId, epoch }: BeginRequest, now: Millis): void {
  if (epoch > node.epoch) becomeUnattached(node, epoch, now);
  if (node.endedEpoch !== epoch) becomeFollower(node, leaderId, epoch, now);
}

/**
 * Handles EndQuorumEpoch: the leader stops and names its preferred successors. The first successor starts an
 * election at once, without a pre-vote. The other successors wait.
 */
export function handleEnd(node: RaftNode, token: number, request: EndRequest, now: Millis): void {
  const errorCode = checkLeaderRequest(node, request);
  if (errorCode === RaftErrorCode.NONE && node.stopAt === undefined) {
    if (request.epoch > node.epoch || node.leaderId === request.leaderId || node.leaderId === -1) {
      becomeUnattached(node, request.epoch, now);
      node.endedEpoch = request.epoch;
      const position = request.preferredSuccessors.indexOf(node.nodeId);
      node.logEvent('debug', 'leadership-offered', { leaderId: request.leaderId, position });
      if (position === 0 && node.mayVote && node.voters.formed) becomeCandidate(node, now);
      else if (position > 0) node.electionAt = now + position * node.config.electionTimeoutMs;
    }
  }
  node.reply(token, epochResponse(node, 'end', errorCode));
}

function checkLeaderRequest(node: RaftNode, request: BeginRequest | EndRequest): RaftErrorCode {
  if (request.clusterId !== '' && node.clusterId !== '' && request.clusterId !== node.clusterId)
    return RaftErrorCode.INCONSISTENT_CLUSTER_ID;
  if (keyOf(node.voters, request.leaderId) === undefined || request.leaderId === node.nodeId)
    return RaftErrorCode.INCONSISTENT_VOTER_SET;
  return request.epoch < node.epoch ? RaftErrorCode.FENCED_LEADER_EPOCH : RaftErrorCode.NONE;
}
