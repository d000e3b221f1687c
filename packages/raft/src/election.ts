/**
 * Pre-votes and votes: requests, counting and granting. A voter votes once in an epoch, for a candidate whose
 * log is at least as complete as its own. Once the quorum is formed, a request names the storage that it asks
 * for a vote, and a voter with another storage refuses the request. A voter's response leaves only when its
 * vote is durable (see `after` in effects.ts).
 */
import { assert, type Millis, type NodeId } from '@millrace/base';
import type { RaftInput } from './effects.ts';
import { electionResult, majoritySize } from './majority.ts';
import { RaftErrorCode, type VoteRequest, type VoteResponse } from './messages.ts';
import type { RaftNode } from './node.ts';
import {
  becomeCandidate,
  becomeLeader,
  becomeProspective,
  becomeUnattached,
  type Election,
  learnEpoch,
  type VotePeer,
} from './roles.ts';
import { keyOf } from './voters.ts';

/** Does everything that is due in the roles unattached, prospective and candidate. */
export function pumpElection(node: RaftNode, now: Millis): void {
  if (now >= node.electionAt) becomeProspective(node, now);
  const { election } = node;
  if (election === undefined) return;
  for (const peer of election.peers.values()) {
    if (peer.answer === 'none' && peer.inFlight === undefined && peer.askAt <= now) ask(node, peer);
  }
  const result = tally(node);
  if (result === 'won') {
    if (!election.preVote) becomeLeader(node, now);
    else if (mayStand(node, election) && now >= promotionAt(node, election, now)) becomeCandidate(node, now);
  } else if (result === 'lost' && !election.defeated) {
    election.defeated = true;
    node.logEvent('debug', election.preVote ? 'pre-vote-lost' : 'election-lost', {
      logEndOffset: node.log.endOffset,
    });
    // The pause gives a winner time to announce itself. The pause is random, so that two losers rarely
    // collide again.
    const soon = node.config.electionTimeoutMs / 4 + node.options.random.below(node.config.electionTimeoutMs);
    node.electionAt = Math.min(node.electionAt, now + soon);
  }
}

/**
 * Whether the node may become a candidate after a won pre-vote. A node that may not form a quorum still sends
 * pre-votes, because a peer may know a leader.
 */
function mayStand(node: RaftNode, election: Election): boolean {
  return node.mayVote && (!election.formation || node.options.mayForm);
}

/**
 * The time of the election after a won pre-vote: at once, except at formation. Formation needs every vote, so
 * two candidates would always block each other. Therefore the lowest id goes first.
 */
function promotionAt(node: RaftNode, election: Election, now: Millis): Millis {
  if (!election.formation) return now;
  const rank = node.voters.voters.findIndex((voter) => voter.id === node.nodeId);
  election.promotionAt ??= now + (rank * node.config.electionTimeoutMs) / 4;
  return election.promotionAt;
}

export function electionDeadline(node: RaftNode): Millis {
  let at = node.election?.promotionAt ?? Number.POSITIVE_INFINITY;
  for (const peer of node.election?.peers.values() ?? []) {
    if (peer.answer === 'none' && peer.inFlight === undefined) at = Math.min(at, peer.askAt);
  }
  return at;
}

function tally(node: RaftNode): 'won' | 'lost' | 'open' {
  const election = node.election!;
  const voters = election.peers.size + 1;
  let granted = node.persistedSequence >= election.ownVoteSequence ? 1 : 0;
  let rejected = 0;
  for (const { answer } of election.peers.values()) {
    if (answer === 'granted') granted++;
    else if (answer === 'rejected') rejected++;
  }
  const needed = election.formation ? voters : majoritySize(voters);
  return electionResult({ voters, needed, granted, rejected });
}

function ask(node: RaftNode, peer: VotePeer): void {
  const election = node.election!;
  const request: VoteRequest = {
    type: 'vote',
    clusterId: node.clusterId,
    epoch: node.epoch,
    candidateId: node.nodeId,
    candidateKey: node.options.key,
    voterKey: election.formation ? '' : peer.key,
    logEndOffset: node.log.endOffset,
    logLastEpoch: node.log.lastEpoch,
    preVote: election.preVote,
    formation: election.formation,
  };
  peer.inFlight = node.send(peer.id, request, node.config.electionTimeoutMs);
}

export function onVoteResponse(
  node: RaftNode,
  id: number,
  from: NodeId,
  response: VoteResponse,
  now: Millis,
): void {
  const peer = node.election?.peers.get(from);
  const current = peer !== undefined && peer.inFlight === id;
  if (current) peer.inFlight = undefined;
  const isForeign = response.errorCode === RaftErrorCode.INCONSISTENT_CLUSTER_ID;
  // Ignore epochs and leaders of another cluster.
  if (!isForeign) learnEpoch(node, response, now);
  if (!current || node.election?.peers.get(from) !== peer) return;
  assert(peer.answer === 'none', 'a voter is asked once');
  if (!response.granted) {
    peer.answer = 'rejected';
    if (isForeign) onForeignPeer(node, peer);
    return;
  }
  const { formation } = node.election!;
  if (formation) {
    peer.answer = response.logEmpty ? 'granted' : 'rejected';
    peer.key = response.voterKey;
    return;
  }
  // A vote counts only if it comes from the storage that the quorum knows. The voter has already checked this
  // (`checkVoteRequest`).
  peer.answer = response.voterKey === peer.key ? 'granted' : 'rejected';
}

/**
 * Handles a peer that belongs to another cluster. If a majority of the voters belongs to another cluster,
 * this node counts as misconfigured. Otherwise the peer counts as misconfigured.
 */
function onForeignPeer(node: RaftNode, peer: VotePeer): void {
  peer.isForeign = true;
  node.logEvent('error', 'cluster-id-mismatched', { peerId: peer.id, clusterId: node.clusterId });
  const foreign = [...node.election!.peers.values()].filter(({ isForeign }) => isForeign);
  if (foreign.length < majoritySize(node.voters.voters.length)) return;
  node.emit({ type: 'disowned', clusterId: node.clusterId, peers: foreign.map(({ id }) => id) });
}

export function onVoteFailed(
  node: RaftNode,
  { id, from, failure }: Extract<RaftInput, { type: 'sendFailed' }>,
  now: Millis,
): void {
  const peer = node.election?.peers.get(from);
  if (peer?.inFlight !== id) return;
  peer.inFlight = undefined;
  peer.askAt = failure === 'timeout' ? now : now + node.config.retryBackoffMs;
}

export function handleVote(node: RaftNode, token: number, request: VoteRequest, now: Millis): void {
  const errorCode = checkVoteRequest(node, request);
  const granted = errorCode === RaftErrorCode.NONE && decideVote(node, request, now);
  node.reply(token, {
    type: 'vote',
    errorCode,
    epoch: node.epoch,
    leaderId: hearsLeader(node, now) ? node.leaderId : -1,
    granted,
    logEmpty: node.log.endOffset === 0,
    voterKey: node.options.key,
  });
}

function decideVote(node: RaftNode, request: VoteRequest, now: Millis): boolean {
  if (request.epoch > node.epoch) becomeUnattached(node, request.epoch, now);
  if (!isUpToDate(node, request)) return false;
  if (request.preVote) return !hearsLeader(node, now);
  if (node.votedFor === -1 && (node.role === 'unattached' || node.role === 'prospective')) {
    node.saveVote(node.epoch, request.candidateId);
    becomeUnattached(node, node.epoch, now);
  }
  return node.votedFor === request.candidateId && node.leaderId === -1;
}

/**
 * Returns NONE if this storage may vote for this candidate at all, else the error. A request with an error
 * never raises this node's epoch.
 */
function checkVoteRequest(node: RaftNode, request: VoteRequest): RaftErrorCode {
  const { voters } = node;
  if (request.clusterId !== '' && node.clusterId !== '' && request.clusterId !== node.clusterId)
    return RaftErrorCode.INCONSISTENT_CLUSTER_ID;
  const candidateKey = keyOf(voters, request.candidateId);
  if (candidateKey === undefined || request.candidateId === node.nodeId)
    return RaftErrorCode.INCONSISTENT_VOTER_SET;
  if (!node.mayVote || (request.formation && !node.options.mayForm)) return RaftErrorCode.INVALID_VOTER_KEY;
  if (voters.formed && (request.formation || request.candidateKey !== candidateKey))
    return RaftErrorCode.INVALID_VOTER_KEY;
  // This storage may be new and empty, because an earlier one was lost with its records. So the request names
  // the storage that it asks, and every other storage refuses.
  if (!request.formation && request.voterKey !== node.options.key) return RaftErrorCode.INVALID_VOTER_KEY;
  return request.epoch < node.epoch ? RaftErrorCode.FENCED_LEADER_EPOCH : RaftErrorCode.NONE;
}

function isUpToDate({ log }: RaftNode, { logLastEpoch, logEndOffset }: VoteRequest): boolean {
  return logLastEpoch > log.lastEpoch || (logLastEpoch === log.lastEpoch && logEndOffset >= log.endOffset);
}

/**
 * Whether this voter leads, or a leader answers its fetches. If so, the voter refuses pre-votes, and names
 * the leader in vote responses. A leader that has not answered a fetch of this voter does not count. If it
 * counted, two voters could keep naming a dead leader to each other, and block each other's elections for
 * ever.
 */
function hearsLeader({ role, following }: RaftNode, now: Millis): boolean {
  if (role === 'leader') return true;
  if (following === undefined || !following.fetched) return false;
  // A broken connection to the leader counts as silence until a fetch succeeds again.
  return now < following.timeoutAt && following.suspectAt === Number.POSITIVE_INFINITY;
}
