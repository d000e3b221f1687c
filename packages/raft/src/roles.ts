/**
 * The roles and the transitions between them (KIP-595, KIP-996):
 *
 *   unattached -> prospective -> candidate -> leader
 *   prospective -> unattached, when it votes for another node
 *   candidate -> prospective, when its election fails
 *   any -> unattached, by a newer epoch
 *   any -> follower, by a leader of this or a newer epoch
 *   follower -> prospective, when its fetches fail
 *   follower -> unattached, when its leader no longer leads
 *   follower -> candidate, when its leader stops and names it as the first successor
 *   leader -> unattached, when it loses contact with a majority (check-quorum)
 *   any -> resigned, when the node stops
 *
 * A transition sets state, persists epoch and vote, and refuses parked fetches. The pump does the rest
 * (requests, timers), except that startStopping sends its requests itself.
 */
import { assert, type Millis, type NodeId, type Offset, type QuorumEpoch, type Uuid } from '@millrace/base';
import { type EpochResponse, type FetchRequest, RaftErrorCode } from './messages.ts';
import type { RaftNode } from './node.ts';
import type { Loading } from './snapshot-loading.ts';
import type { VoterKey } from './types.ts';
import { keyOf } from './voters.ts';
import { encodeLeaderChange, encodeVoters } from './wire.ts';

export type Role = 'unattached' | 'prospective' | 'candidate' | 'follower' | 'leader' | 'resigned';

/** One round of pre-votes or votes. */
export interface Election {
  readonly preVote: boolean;
  /** True while the quorum is not formed. Every voter must then grant its vote, and report an empty log. */
  readonly formation: boolean;
  /** The node's own vote counts when this persist is durable. 0: it counts at once. */
  readonly ownVoteSequence: number;
  readonly peers: Map<NodeId, VotePeer>;
  /**
   * Only at formation: the time at which a node that won the pre-vote starts the election. Undefined before
   * it wins.
   */
  promotionAt: Millis | undefined;
  /** True: the node lost this round, and has already set the time of the next round. */
  defeated: boolean;
}

export interface VotePeer {
  readonly id: NodeId;
  answer: 'none' | 'granted' | 'rejected';
  inFlight: number | undefined;
  askAt: Millis;
  key: VoterKey;
  /** True: the peer answered that it belongs to another cluster. */
  isForeign: boolean;
}

export interface Following {
  fetchInFlight: number | undefined;
  /** The node sends no fetch before this time. */
  fetchAt: Millis;
  /** True if a fetch has succeeded since this node began to follow the leader. */
  fetched: boolean;
  /** The leader counts as lost if no fetch succeeds before this time. */
  timeoutAt: Millis;
  /**
   * The time at which this node starts a pre-vote because the connection to the leader broke. If `timeoutAt`
   * is earlier, the node starts it then. Infinity: the connection did not break. A pre-vote does no harm if
   * the leader still works.
   */
  suspectAt: Millis;
  /** The latest round of the leader that this node knows. The next fetch carries it back. */
  round: number;
  /** The leader's snapshot that this node loads, because its log is too far behind. */
  loading: Loading | undefined;
}

/** A replica as the leader sees it. */
export interface Replica {
  readonly id: NodeId;
  readonly key: VoterKey;
  /**
   * The largest fetch offset that fitted the leader's log; -1: none in this epoch. At a voter, the log below
   * this offset is durable, and counts for the high watermark.
   */
  endOffset: Offset;
  /** When the replica fetched last, from the log or from a snapshot. */
  lastFetchAt: Millis | undefined;
  lastCaughtUpAt: Millis | undefined;
  /** The leader's log end offset at `lastFetchAt`. */
  lastFetchLeaderEnd: Offset;
  /**
   * The latest of this leader's rounds that a fetch of the replica carried back. That fetch shows that the
   * replica still followed this leader after the round began.
   */
  round: number;
  /**
   * The time at which the leader sends BeginQuorumEpoch (again) to this replica, unless the replica fetches
   * before that time.
   */
  beginAt: Millis;
  beginInFlight: number | undefined;
}

export interface ParkedFetch {
  readonly token: number;
  readonly request: FetchRequest;
  readonly counted: boolean;
  readonly until: Millis;
}

export interface Leading {
  readonly epoch: QuorumEpoch;
  readonly electedAt: Millis;
  /**
   * The offset after the leader-change record. The leader commits nothing until a majority has that record.
   */
  readonly activeFrom: Offset;
  /** True once the effect becameLeader was emitted. */
  active: boolean;
  /** True: a majority has more records than this node has committed so far (RaftNode.commitTo). */
  hasMoreToCommit: boolean;
  /** The other voters, by id. */
  readonly replicas: Map<NodeId, Replica>;
  /**
   * The observers, and the voters with another storage than the recorded one, by id and key. The replica that
   * has been silent for the longest time is first.
   */
  readonly observers: Map<string, Replica>;
  parked: ParkedFetch[];
  /**
   * Before this time the leader gathers new commits for observers: a commit does not end their parked
   * fetches.
   */
  observersNotBefore: Millis;
  /** The latest round; startRound raises it. A fetch that carries it back was sent after the round began. */
  round: number;
  /** The latest confirmed round: the leader and the voters that carried it back are a majority. */
  confirmedRound: number;
}

/** A random time from 1 to 2 times the election timeout. */
export function randomElectionMs(node: RaftNode): Millis {
  const { electionTimeoutMs } = node.config;
  return electionTimeoutMs + node.options.random.below(electionTimeoutMs);
}

/** Ends the present role. Refuses parked fetches, and emits `resigned` if `becameLeader` was emitted. */
function leaveRole(node: RaftNode): void {
  const { leading } = node;
  node.leading = undefined;
  node.following = undefined;
  node.election = undefined;
  node.leaderId = -1;
  if (leading === undefined) return;
  for (const { token } of leading.parked) refuseFetch(node, token, RaftErrorCode.NOT_LEADER_OR_FOLLOWER);
  if (leading.active) node.emit({ type: 'resigned', epoch: leading.epoch });
}

export function refuseFetch(node: RaftNode, token: number, errorCode: RaftErrorCode): void {
  node.reply(token, {
    type: 'fetch',
    errorCode,
    epoch: node.epoch,
    leaderId: node.leaderId,
    clusterId: node.clusterId,
    highWatermark: node.highWatermark,
    diverging: undefined,
    snapshot: undefined,
    batches: [],
    round: 0,
  });
}

/**
 * Ends the present role. The node then waits until it learns of a leader, or until its own election time.
 * Persists the epoch if it is newer.
 */
export function becomeUnattached(node: RaftNode, epoch: QuorumEpoch, now: Millis): void {
  assert(epoch >= node.epoch, 'the epoch never falls');
  if (epoch > node.epoch) node.saveVote(epoch, -1);
  leaveRole(node);
  node.role = 'unattached';
  node.electionAt = now + randomElectionMs(node);
}

export function becomeFollower(node: RaftNode, leaderId: NodeId, epoch: QuorumEpoch, now: Millis): void {
  assert(leaderId !== node.nodeId, 'nobody follows itself');
  if (epoch > node.epoch) node.saveVote(epoch, -1);
  else if (node.role === 'follower' && node.leaderId === leaderId) return;
  else assert(node.role !== 'leader', 'an epoch has one leader');
  leaveRole(node);
  node.role = 'follower';
  node.leaderId = leaderId;
  node.following = {
    fetchInFlight: undefined,
    fetchAt: now,
    fetched: false,
    timeoutAt: now + node.config.fetchTimeoutMs,
    suspectAt: Number.POSITIVE_INFINITY,
    round: 0,
    loading: undefined,
  };
  node.logEvent('debug', 'leader-followed', { leaderId });
}

/**
 * Starts a pre-vote: asks whether this node could win an election. A pre-vote does not disturb a working
 * leader (KIP-996).
 */
export function becomeProspective(node: RaftNode, now: Millis): void {
  leaveRole(node);
  node.role = 'prospective';
  node.electionAt = now + randomElectionMs(node);
  node.election = newElection(node, true, now);
}

export function becomeCandidate(node: RaftNode, now: Millis): void {
  assert(node.mayVote, 'only a voter stands for election');
  leaveRole(node);
  node.role = 'candidate';
  node.saveVote(node.epoch + 1, node.nodeId);
  node.electionAt = now + randomElectionMs(node);
  node.election = newElection(node, false, now);
  node.logEvent('info', 'election-started', { logEndOffset: node.log.endOffset });
}

function newElection(node: RaftNode, preVote: boolean, now: Millis): Election {
  const peers = new Map<NodeId, VotePeer>();
  for (const { id, key } of node.voters.voters) {
    if (id !== node.nodeId)
      peers.set(id, { id, answer: 'none', inFlight: undefined, askAt: now, key, isForeign: false });
  }
  const ownVoteSequence = preVote ? 0 : node.voteSequence;
  const formation = !node.voters.formed;
  return { preVote, formation, ownVoteSequence, peers, promotionAt: undefined, defeated: false };
}

/**
 * Makes this node the leader. Forms the quorum if there is none. Always writes a leader-change record; its
 * commit also commits all older records.
 */
export function becomeLeader(node: RaftNode, now: Millis): void {
  const { election } = node;
  assert(election !== undefined && !election.preVote, 'a leader was elected');
  const granting = [...election.peers.values()].filter((peer) => peer.answer === 'granted');
  leaveRole(node);
  node.role = 'leader';
  node.leaderId = node.nodeId;
  if (election.formation) formQuorum(node, election);
  const voterIds = node.voters.voters.map((voter) => voter.id);
  const grantingVoters = [node.nodeId, ...granting.map((peer) => peer.id)].sort((a, b) => a - b);
  const change = { leaderId: node.nodeId, voters: voterIds, grantingVoters };
  node.appendOwn('leaderChange', [encodeLeaderChange(change)]);
  const replicas = new Map<NodeId, Replica>();
  for (const id of voterIds) {
    if (id !== node.nodeId) replicas.set(id, newReplica(id, keyOf(node.voters, id)!, now));
  }
  node.leading = {
    epoch: node.epoch,
    electedAt: now,
    activeFrom: node.log.endOffset,
    hasMoreToCommit: false,
    active: false,
    replicas,
    observers: new Map(),
    parked: [],
    observersNotBefore: now,
    round: 0,
    confirmedRound: 0,
  };
  node.logEvent('info', 'leader-elected', { leaderId: node.nodeId, logEndOffset: node.log.endOffset });
}

export function newReplica(id: NodeId, key: VoterKey, now: Millis): Replica {
  return {
    id,
    key,
    endOffset: -1,
    lastFetchAt: undefined,
    lastCaughtUpAt: undefined,
    lastFetchLeaderEnd: 0,
    round: 0,
    beginAt: now,
    beginInFlight: undefined,
  };
}

function formQuorum(node: RaftNode, election: Election): void {
  assert(node.log.endOffset === 0, 'a quorum is formed once');
  const voters = node.voters.voters.map(({ id, host, port }) => {
    const key = id === node.nodeId ? node.options.key : election.peers.get(id)!.key;
    assert(key !== '', 'every voter has told its key');
    return { id, key, host, port };
  });
  const clusterId = isGiven(node.options.clusterId) ? node.options.clusterId : node.options.random.uuid();
  node.appendOwn('voters', [encodeVoters({ clusterId, voters })]);
  node.logEvent('info', 'quorum-formed', { clusterId, voters: voters.map((voter) => voter.id) });
}

function isGiven(clusterId: string): clusterId is Uuid {
  return clusterId !== '';
}

/**
 * Resigns and stops. A leader first sends the other voters the order in which they should succeed it
 * (EndQuorumEpoch).
 */
export function startStopping(node: RaftNode, now: Millis): void {
  if (node.stopAt !== undefined) return;
  const { leading, epoch } = node;
  node.stopAt = now + node.config.electionTimeoutMs;
  leaveRole(node);
  node.role = 'resigned';
  if (leading === undefined || leading.replicas.size === 0) {
    node.finishStop();
    return;
  }
  const replicas = [...leading.replicas.values()].sort((a, b) => b.endOffset - a.endOffset || a.id - b.id);
  const preferredSuccessors = replicas.map((replica) => replica.id);
  node.logEvent('info', 'leader-resigned', { preferredSuccessors });
  node.endsInFlight = new Set(
    preferredSuccessors.map((id) =>
      node.send(
        id,
        { type: 'end', clusterId: node.clusterId, leaderId: node.nodeId, epoch, preferredSuccessors },
        node.config.electionTimeoutMs,
      ),
    ),
  );
}

/**
 * Adopts the epoch and the leader that a response names, unless this node is stopping. Always adopts a newer
 * epoch. Adopts a leader of the same epoch only if this node knows no leader, and if that leader has not said
 * that it no longer leads. If the response names this node as leader, that leadership has ended, so this node
 * ignores the name.
 */
export function learnEpoch(
  node: RaftNode,
  { epoch, leaderId }: { readonly epoch: QuorumEpoch; readonly leaderId: NodeId },
  now: Millis,
): void {
  if (epoch < node.epoch || node.stopAt !== undefined) return;
  const isLeader = leaderId !== node.nodeId && keyOf(node.voters, leaderId) !== undefined;
  if (isLeader && epoch > node.epoch) becomeFollower(node, leaderId, epoch, now);
  else if (epoch > node.epoch) becomeUnattached(node, epoch, now);
  else if (isLeader && node.leaderId === -1 && node.endedEpoch !== epoch && node.role !== 'resigned')
    becomeFollower(node, leaderId, epoch, now);
}

export function epochResponse(
  node: RaftNode,
  type: 'begin' | 'end',
  errorCode: RaftErrorCode,
): EpochResponse {
  return { type, errorCode, epoch: node.epoch, leaderId: node.leaderId };
}
