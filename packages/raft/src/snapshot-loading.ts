/**
 * How a follower loads the leader's snapshot, part by part. It asks for the next part only when the part
 * before is durable. A response that does not belong to the request in flight has no effect, so a late or
 * repeated part is harmless. The node forgets the loaded parts when it leaves its role, or when the leader
 * names another snapshot, and then begins again at part 0. It installs the snapshot when it has all parts,
 * the checksum fits, and the owner has decoded them.
 */
import type { Millis, NodeId } from '@millrace/base';
import { acceptAnswer } from './follower.ts';
import { type FetchSnapshotRequest, type FetchSnapshotResponse, RaftErrorCode } from './messages.ts';
import type { RaftNode } from './node.ts';
import { isNextPart, isSameId, type LoadedParts, problemOf } from './parts.ts';
import type { SnapshotId } from './types.ts';

/** A snapshot of the leader that a follower loads. */
export interface Loading extends LoadedParts {
  /** True: all parts have arrived, and the owner decodes them. */
  isChecked: boolean;
}

/**
 * Called when the leader's log no longer has what this node needs next. The node loads this snapshot instead.
 */
export function loadSnapshot(node: RaftNode, id: SnapshotId, now: Millis): void {
  const following = node.following!;
  const { loading } = following;
  if (loading !== undefined && (loading.isChecked || isSameId(loading.id, id))) {
    // While the owner decodes the snapshot, the leader names it again, or names a newer one. The node still
    // installs the complete snapshot. Otherwise a leader that takes snapshots often could keep the node from
    // ever catching up.
    following.fetchAt = now + node.config.fetchTimeoutMs / 3;
    return;
  }
  if (id.endOffset <= node.highWatermark) {
    node.logEvent('error', 'fetch-answer-malformed', { leaderId: node.leaderId });
    following.fetchAt = now + node.config.retryBackoffMs;
    return;
  }
  following.loading = { id, manifest: undefined, parts: [], isChecked: false };
  node.logEvent('info', 'snapshot-requested', { leaderId: node.leaderId, endOffset: id.endOffset });
}

/** The request for the next part; undefined if the node has all parts, or loads no snapshot. */
export function nextPart(node: RaftNode): FetchSnapshotRequest | undefined {
  const { loading, round } = node.following!;
  if (loading === undefined || loading.isChecked) return undefined;
  return {
    type: 'fetchSnapshot',
    clusterId: node.clusterId,
    replicaId: node.nodeId,
    replicaKey: node.options.key,
    observer: false,
    epoch: node.epoch,
    snapshot: loading.id,
    part: loading.parts.length,
    round,
  };
}

export function onSnapshotResponse(
  node: RaftNode,
  id: number,
  from: NodeId,
  response: FetchSnapshotResponse,
  now: Millis,
): void {
  if (!acceptAnswer(node, id, from, response, now)) return;
  const following = node.following!;
  const { loading } = following;
  const { manifest, part, content } = response;
  if (response.errorCode === RaftErrorCode.SNAPSHOT_NOT_FOUND) {
    // The leader has a newer snapshot. The answer to the next fetch names it.
    following.loading = undefined;
    following.fetchAt = now + node.config.retryBackoffMs;
    return;
  }
  if (loading === undefined || manifest === undefined || !isNextPart(loading, manifest, part)) {
    node.logEvent('error', 'fetch-answer-malformed', { leaderId: from });
    following.loading = undefined;
    following.fetchAt = now + node.config.retryBackoffMs;
    return;
  }
  loading.manifest = manifest;
  loading.parts.push(content);
  node.persist([{ type: 'snapshotPart', id: loading.id, part, content }]);
  if (loading.parts.length < manifest.parts) return;
  const snapshot = { manifest, parts: loading.parts };
  const problem = problemOf(snapshot);
  loading.isChecked = true;
  if (problem === undefined) node.emit({ type: 'checkSnapshot', snapshot });
  else reject(node, problem, now);
}

/**
 * Called when the owner has tried to decode the snapshot. `error`: why the decoding failed; undefined: the
 * snapshot is decoded.
 */
export function onSnapshotChecked(
  node: RaftNode,
  id: SnapshotId,
  error: string | undefined,
  now: Millis,
): void {
  const { following } = node;
  const loading = following?.loading;
  if (following === undefined || loading?.isChecked !== true || !isSameId(loading.id, id)) return;
  if (error !== undefined) {
    reject(node, error, now);
    return;
  }
  following.loading = undefined;
  following.fetchAt = now;
  // The answer to a fetch in flight would belong to the old log.
  following.fetchInFlight = undefined;
  if (id.endOffset > node.highWatermark) node.install(loading.manifest!);
}

function reject(node: RaftNode, reason: string, now: Millis): void {
  const { endOffset } = node.following!.loading!.id;
  node.logEvent('error', 'snapshot-rejected', { leaderId: node.leaderId, endOffset, reason });
  node.following!.loading = undefined;
  node.following!.fetchAt = now + node.config.fetchTimeoutMs / 2;
}
