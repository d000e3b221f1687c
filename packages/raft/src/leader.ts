/**
 * The part of a RaftNode that works while the node is the leader. Answers fetches, counts the durable records
 * of the voters, moves the high watermark, and announces itself (BeginQuorumEpoch). Resigns when it loses
 * contact with a majority of the voters (check-quorum).
 *
 * The high watermark moves only to records of the leader's own epoch (Raft section 5.4.2). `activeFrom`
 * ensures that.
 */
import { assert, type Millis, type NodeId, type Offset } from '@millrace/base';
import type { RaftInput } from './effects.ts';
import { majorityReached, majoritySize } from './majority.ts';
import {
  type EpochResponse,
  type FetchRequest,
  type FetchResponse,
  type FetchSnapshotRequest,
  RaftErrorCode,
} from './messages.ts';
import type { RaftNode } from './node.ts';
import {
  becomeUnattached,
  learnEpoch,
  newReplica,
  type ParkedFetch,
  type Replica,
  refuseFetch,
} from './roles.ts';
import { keyOf } from './voters.ts';

/**
 * The most observers that the leader remembers for DescribeQuorum. Beyond this number, the leader drops the
 * observer that has been silent for the longest time.
 */
const OBSERVERS_MAX = 1000;
/**
 * After the leader has sent news to observers, it gathers all commits within this time into the next
 * response. Otherwise each of a thousand small changes would cost every broker a response and a fetch. If
 * the last news was sent longer ago than this, the leader sends a commit at once.
 */
const OBSERVERS_PAUSE_MS: Millis = 5;
/** The most fetches that a leader parks. */
const PARKED_MAX = 2000;

export function pumpLeader(node: RaftNode, now: Millis): void {
  const leading = node.leading!;
  if (now >= checkQuorumAt(node)) {
    node.logEvent('warn', 'quorum-lost', { reason: 'a majority of the voters has not fetched in time' });
    becomeUnattached(node, node.epoch, now);
    return;
  }
  node.flush();
  const ends = [node.log.durableEnd, ...[...leading.replicas.values()].map((replica) => replica.endOffset)];
  const reached = majorityReached(ends);
  if (reached >= leading.activeFrom) {
    node.commitTo(Math.max(reached, node.highWatermark));
    leading.hasMoreToCommit = reached > node.highWatermark;
    if (!leading.active && node.highWatermark >= leading.activeFrom) {
      leading.active = true;
      node.emit({ type: 'becameLeader', epoch: node.epoch });
    }
  }
  confirmRounds(node);
  answerParked(node, now);
  for (const replica of leading.replicas.values()) introduce(node, replica, now);
}

/**
 * Begins a round and returns its number, or undefined if this node does not lead. The round ends, with the
 * effect `confirmed`, when the leader and the voters whose fetches carried the number are a majority. Each of
 * these voters still followed this leader after the call. So no majority had elected a newer leader at the
 * time of the call. A round needs no clock. It is Raft's read index (section 6.4 of Ongaro's thesis) for
 * followers that pull.
 */
export function startRound(node: RaftNode): number | undefined {
  const { leading } = node;
  if (leading === undefined) return undefined;
  leading.round++;
  return leading.round;
}

function confirmRounds(node: RaftNode): void {
  const leading = node.leading!;
  const reached = majorityReached([
    leading.round,
    ...[...leading.replicas.values()].map(({ round }) => round),
  ]);
  if (reached <= leading.confirmedRound) return;
  leading.confirmedRound = reached;
  node.emit({ type: 'confirmed', round: reached });
}

export function leaderDeadline(node: RaftNode): Millis {
  // The tick is due at once, because it commits more records.
  if (node.leading!.hasMoreToCommit) return 0;
  let at = checkQuorumAt(node);
  for (const replica of node.leading!.replicas.values()) {
    if (replica.beginInFlight === undefined) at = Math.min(at, nextBeginAt(node, replica));
  }
  const { parked, observersNotBefore } = node.leading!;
  for (const fetch of parked) {
    at = Math.min(at, fetch.until);
    if (!fetch.counted && hasNews(node, fetch)) at = Math.min(at, observersNotBefore);
  }
  return at;
}

/**
 * The time at which the leader resigns unless a majority has fetched by then: one and a half fetch timeouts
 * after a majority last fetched.
 */
function checkQuorumAt(node: RaftNode): Millis {
  const { replicas, electedAt } = node.leading!;
  const others = majoritySize(replicas.size + 1) - 1;
  if (others === 0) return Number.POSITIVE_INFINITY;
  const contacts = [...replicas.values()]
    .map((replica) => replica.lastFetchAt ?? electedAt)
    .sort((a, b) => b - a);
  return contacts[others - 1]! + node.config.fetchTimeoutMs * 1.5;
}

function nextBeginAt(node: RaftNode, { beginAt, lastFetchAt }: Replica): Millis {
  return lastFetchAt === undefined ? beginAt : Math.max(beginAt, lastFetchAt + node.config.fetchTimeoutMs);
}

function introduce(node: RaftNode, replica: Replica, now: Millis): void {
  if (replica.beginInFlight !== undefined || nextBeginAt(node, replica) > now) return;
  const { clusterId, nodeId: leaderId, epoch } = node;
  const timeoutMs = node.config.fetchTimeoutMs / 2;
  replica.beginInFlight = node.send(replica.id, { type: 'begin', clusterId, leaderId, epoch }, timeoutMs);
}

export function onEpochResponse(
  node: RaftNode,
  id: number,
  from: NodeId,
  response: EpochResponse,
  now: Millis,
): void {
  if (node.stopAt !== undefined) {
    node.endAnswered(id);
    return;
  }
  const replica = node.leading?.replicas.get(from);
  if (replica?.beginInFlight === id) {
    replica.beginInFlight = undefined;
    replica.beginAt = now + node.config.fetchTimeoutMs / 2;
  }
  learnEpoch(node, response, now);
}

export function onEpochFailed(
  node: RaftNode,
  { id, from, failure }: Extract<RaftInput, { type: 'sendFailed' }>,
  now: Millis,
): void {
  if (node.stopAt !== undefined) {
    node.endAnswered(id);
    return;
  }
  const replica = node.leading?.replicas.get(from);
  if (replica?.beginInFlight !== id) return;
  replica.beginInFlight = undefined;
  replica.beginAt = failure === 'timeout' ? now : now + node.config.retryBackoffMs * 5;
}

/**
 * Returns NONE if this node leads and may answer the request, else the error. If a voter's request has a
 * newer epoch, this node adopts that epoch.
 */
export function refusal(
  node: RaftNode,
  request: FetchRequest | FetchSnapshotRequest,
  now: Millis,
): RaftErrorCode {
  if (request.clusterId !== '' && node.clusterId !== '' && request.clusterId !== node.clusterId)
    return RaftErrorCode.INCONSISTENT_CLUSTER_ID;
  const counted = isCounted(node, request);
  if (counted && request.epoch > node.epoch) {
    becomeUnattached(node, request.epoch, now);
    return RaftErrorCode.UNKNOWN_LEADER_EPOCH;
  }
  if (node.leading === undefined) return RaftErrorCode.NOT_LEADER_OR_FOLLOWER;
  return counted && request.epoch < node.epoch ? RaftErrorCode.FENCED_LEADER_EPOCH : RaftErrorCode.NONE;
}

export function handleFetch(node: RaftNode, token: number, request: FetchRequest, now: Millis): void {
  const { fetchOffset, lastFetchedEpoch } = request;
  let errorCode = refusal(node, request, now);
  if (errorCode === RaftErrorCode.NONE && (fetchOffset < 0 || lastFetchedEpoch < 0))
    errorCode = RaftErrorCode.OFFSET_OUT_OF_RANGE;
  if (errorCode !== RaftErrorCode.NONE) {
    refuseFetch(node, token, errorCode);
    return;
  }
  const leading = node.leading!;
  const counted = isCounted(node, request);
  const replica = counted ? leading.replicas.get(request.replicaId)! : observerOf(node, request, now);
  noteFetch(node, replica, fetchOffset, now);
  noteContact(node, replica, counted ? Math.min(request.round, leading.round) : 0, now);
  if (!node.log.isPrefix(fetchOffset, lastFetchedEpoch)) {
    answerDiverging(node, token, request);
    return;
  }
  // Durable records stay durable in this epoch. A late fetch must not lower the offset.
  replica.endOffset = Math.max(replica.endOffset, fetchOffset);
  answerReplaced(node, request);
  const until = now + Math.max(0, Math.min(request.maxWaitMs, node.config.fetchTimeoutMs / 2));
  leading.parked.push({ token, request, counted, until });
  if (leading.parked.length > PARKED_MAX) answerFetch(node, leading.parked.shift()!);
}

/**
 * Whether the fetch counts for majorities: it comes from a voter with the storage that the quorum knows. All
 * other replicas only get committed records.
 */
export function isCounted(
  node: RaftNode,
  { replicaId, replicaKey, observer }: FetchRequest | FetchSnapshotRequest,
): boolean {
  const key = keyOf(node.voters, replicaId);
  return !observer && node.voters.formed && key === replicaKey && replicaId !== node.nodeId;
}

export function observerOf(
  node: RaftNode,
  { replicaId, replicaKey }: FetchRequest | FetchSnapshotRequest,
  now: Millis,
): Replica {
  const { observers } = node.leading!;
  const name = `${replicaId}/${replicaKey}`;
  const replica = observers.get(name) ?? newReplica(replicaId, replicaKey, now);
  observers.delete(name);
  observers.set(name, replica);
  if (observers.size > OBSERVERS_MAX) observers.delete(observers.keys().next().value!);
  return replica;
}

/**
 * KIP-836: notes the last time at which the replica had the leader's whole log. If the fetch offset has
 * reached the leader's log end, that time is now. If the fetch offset has reached only the log end that the
 * leader had at the replica's previous request, that time is the time of the previous request.
 */
function noteFetch(node: RaftNode, replica: Replica, fetchOffset: Offset, now: Millis): void {
  const { endOffset } = node.log;
  if (fetchOffset >= endOffset) replica.lastCaughtUpAt = now;
  else if (replica.lastFetchAt !== undefined && fetchOffset >= replica.lastFetchLeaderEnd)
    replica.lastCaughtUpAt = Math.max(replica.lastCaughtUpAt ?? 0, replica.lastFetchAt);
}

/**
 * Notes that the replica fetched now, and that it followed this leader at some moment after this round began.
 */
export function noteContact(node: RaftNode, replica: Replica, round: number, now: Millis): void {
  replica.lastFetchAt = now;
  replica.lastFetchLeaderEnd = node.log.endOffset;
  replica.round = Math.max(replica.round, round);
}

/**
 * Answers a replica whose log is not a prefix of this log. If the leader's log has the replica's last epoch,
 * the response names that epoch. Otherwise it names the next older epoch of the leader's log. The response
 * also has the end of the named epoch in the leader's log, or the fetch offset if that is smaller. The
 * replica must load a snapshot if the named epoch ended before the start of the leader's log, or if the fetch
 * offset is not above that start.
 */
function answerDiverging(node: RaftNode, token: number, request: FetchRequest): void {
  const { log } = node;
  const end = log.endOf(request.lastFetchedEpoch);
  if (end === undefined || request.fetchOffset <= log.startOffset) {
    node.reply(token, snapshotResponse(node));
    return;
  }
  const diverging = { epoch: end.epoch, endOffset: Math.min(end.endOffset, request.fetchOffset) };
  node.reply(token, { ...emptyResponse(node), diverging });
}

function emptyResponse(node: RaftNode): FetchResponse {
  const { epoch, leaderId, clusterId, highWatermark } = node;
  return {
    type: 'fetch',
    errorCode: RaftErrorCode.NONE,
    epoch,
    leaderId,
    clusterId,
    highWatermark,
    diverging: undefined,
    snapshot: undefined,
    batches: [],
    round: node.leading!.round,
  };
}

function snapshotResponse(node: RaftNode): FetchResponse {
  const { newest } = node.snapshots;
  assert(newest !== undefined, 'a snapshot holds what was before the log');
  return { ...emptyResponse(node), snapshot: newest.id };
}

/**
 * Answers the earlier fetch of the replica if it is still parked. A replica has one fetch at a time, so it no
 * longer waits for that answer.
 */
function answerReplaced(node: RaftNode, { replicaId, replicaKey }: FetchRequest): void {
  const leading = node.leading!;
  const old = leading.parked.find(
    ({ request }) => request.replicaId === replicaId && request.replicaKey === replicaKey,
  );
  if (old === undefined) return;
  leading.parked = leading.parked.filter((parked) => parked !== old);
  answerFetch(node, old);
}

function answerParked(node: RaftNode, now: Millis): void {
  const leading = node.leading!;
  const observersMay = now >= leading.observersNotBefore;
  const due: ParkedFetch[] = [];
  const waiting: ParkedFetch[] = [];
  for (const parked of leading.parked) {
    const isDue = parked.until <= now || ((parked.counted || observersMay) && hasNews(node, parked));
    (isDue ? due : waiting).push(parked);
  }
  if (due.length === 0) return;
  leading.parked = waiting;
  if (due.some((parked) => !parked.counted && hasNews(node, parked)))
    leading.observersNotBefore = now + OBSERVERS_PAUSE_MS;
  // Most observers wait at the same offset. They share one response and its encoding.
  const shared = new Map<string, FetchResponse>();
  for (const parked of due) {
    const key = `${parked.counted} ${parked.request.fetchOffset}`;
    const response = shared.get(key) ?? fetchResponse(node, parked);
    shared.set(key, response);
    node.reply(parked.token, response);
  }
}

function visibleEnd(node: RaftNode, { counted }: ParkedFetch): Offset {
  return counted ? node.log.endOffset : node.highWatermark;
}

function hasNews(node: RaftNode, parked: ParkedFetch): boolean {
  const { fetchOffset, highWatermark, round } = parked.request;
  if (parked.counted && round < node.leading!.round) return true;
  return visibleEnd(node, parked) > fetchOffset || node.highWatermark > highWatermark;
}

function answerFetch(node: RaftNode, parked: ParkedFetch): void {
  node.reply(parked.token, fetchResponse(node, parked));
}

function fetchResponse(node: RaftNode, parked: ParkedFetch): FetchResponse {
  const { log, config } = node;
  const { fetchOffset } = parked.request;
  const end = visibleEnd(node, parked);
  assert(node.role === 'leader', 'only the leader holds fetches');
  // The log may have been shortened while the fetch was parked.
  if (fetchOffset < log.startOffset) return snapshotResponse(node);
  const batches = end > fetchOffset ? log.read(fetchOffset, end, config.fetchMaxBytes) : [];
  return { ...emptyResponse(node), batches };
}
