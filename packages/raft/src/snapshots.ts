/**
 * The published snapshots of a RaftNode, and what it does with them as the leader. A node publishes a
 * snapshot of its own committed state when all parts are durable. When the publication is durable, too, the
 * node shortens its log: the log then begins at the end of the previous snapshot. So the previous snapshot
 * and the log can always replace the newest snapshot, if the newest one turns out to be damaged.
 */
import { assert, type Millis } from '@millrace/base';
import { isCounted, noteContact, observerOf, refusal } from './leader.ts';
import { type FetchSnapshotRequest, RaftErrorCode } from './messages.ts';
import type { RaftNode } from './node.ts';
import { isSameId } from './parts.ts';
import type { SnapshotId, SnapshotManifest } from './types.ts';

export class OwnSnapshots {
  /** The older one first; at most two. */
  private list: readonly SnapshotManifest[];
  /** The snapshot that this node publishes; it counts when the persist of this number is durable. */
  private publishing: { readonly manifest: SnapshotManifest; readonly sequence: number } | undefined;
  /** Like `publishing`, for a snapshot that a leader sent. It is in `list` already. */
  private installing: { readonly manifest: SnapshotManifest; readonly sequence: number } | undefined;

  constructor(list: readonly SnapshotManifest[] = []) {
    this.list = list;
  }

  get newest(): SnapshotManifest | undefined {
    return this.list.at(-1);
  }

  get isPublishing(): boolean {
    return this.publishing !== undefined || this.installing !== undefined;
  }

  find(id: SnapshotId): SnapshotManifest | undefined {
    return this.list.find((known) => isSameId(known.id, id));
  }

  /** Publishes a snapshot of this node's own state, unless a leader's newer snapshot has replaced it. */
  written(node: RaftNode, manifest: SnapshotManifest): void {
    const { id } = manifest;
    if (id.endOffset <= (this.newest?.id.endOffset ?? 0)) return;
    assert(id.endOffset <= node.highWatermark, 'a snapshot holds only committed state');
    assert(node.log.epochBefore(id.endOffset) === id.epoch, 'a snapshot names the epoch of its last record');
    assert(this.publishing === undefined, 'a node takes one snapshot at a time');
    this.publishing = { manifest, sequence: node.persist([{ type: 'publishSnapshot', manifest }]) };
  }

  persisted(node: RaftNode, sequence: number): void {
    const { installing, publishing } = this;
    if (installing !== undefined && installing.sequence <= sequence) {
      this.installing = undefined;
      const { id, parts, bytes } = installing.manifest;
      node.logEvent('info', 'snapshot-loaded', { endOffset: id.endOffset, parts, bytes });
      node.emit({ type: 'published', manifest: installing.manifest });
    }
    if (publishing === undefined || publishing.sequence > sequence) return;
    this.publishing = undefined;
    const { manifest } = publishing;
    const { id, parts, bytes } = manifest;
    const older = this.newest;
    this.list = older === undefined ? [manifest] : [older, manifest];
    node.logEvent('info', 'snapshot-written', { endOffset: id.endOffset, parts, bytes });
    node.emit({ type: 'published', manifest });
    if (older !== undefined && older.id.endOffset !== node.log.startOffset) this.trim(node, older.id);
  }

  /**
   * Called when a leader's snapshot replaces the log and all snapshots. `sequence`: the persist that makes
   * this durable.
   */
  installed(manifest: SnapshotManifest, sequence: number): void {
    this.publishing = undefined;
    this.installing = { manifest, sequence };
    this.list = [manifest];
  }

  /** Called when two snapshots are durable: from now on the log begins at the end of the older one. */
  private trim(node: RaftNode, start: SnapshotId): void {
    node.logEvent('info', 'quorum-log-trimmed', {
      fromOffset: node.log.startOffset,
      toOffset: start.endOffset,
    });
    node.log.trimTo(start);
    node.persist([{ type: 'trim', start }]);
  }
}

/** Answers with the part of the snapshot, if this node leads and still has that snapshot. */
export function handleFetchSnapshot(
  node: RaftNode,
  token: number,
  request: FetchSnapshotRequest,
  now: Millis,
): void {
  const manifest = node.snapshots.find(request.snapshot);
  const { part } = request;
  let errorCode = refusal(node, request, now);
  if (errorCode === RaftErrorCode.NONE && (manifest === undefined || part < 0 || part >= manifest.parts))
    errorCode = RaftErrorCode.SNAPSHOT_NOT_FOUND;
  const { epoch, leaderId } = node;
  const round = node.leading?.round ?? 0;
  const response = {
    type: 'fetchSnapshot',
    errorCode,
    epoch,
    leaderId,
    part,
    content: NOTHING,
    round,
  } as const;
  if (errorCode !== RaftErrorCode.NONE) {
    node.reply(token, { ...response, manifest: undefined });
    return;
  }
  const counted = isCounted(node, request);
  const replica = counted ? node.leading!.replicas.get(request.replicaId)! : observerOf(node, request, now);
  noteContact(node, replica, counted ? Math.min(request.round, round) : 0, now);
  node.emit({ type: 'replyPart', token, response: { ...response, manifest } });
}

const NOTHING = new Uint8Array(0);
