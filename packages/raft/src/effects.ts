/**
 * The inputs and effects of a RaftNode. An input reports an event. An effect tells the host what to do. The
 * host executes effects in order.
 *
 * A change must be durable before a message reports it. `after` of a `send` or `reply` names the `persist`
 * that must be durable first (0: none). The host holds the message back until then. If the process dies
 * earlier, it never sends the message.
 */
import type { LogEntry, Millis, NodeId, QuorumEpoch } from '@millrace/base';
import type { FetchSnapshotResponse, RaftRequest, RaftResponse } from './messages.ts';
import type { StorageWrite } from './storage.ts';
import type { CommittedBatch, LeaderAndEpoch, Snapshot, SnapshotId, SnapshotManifest } from './types.ts';

/** Why a request got no answer. `unavailable` may mean that the peer's process is gone. */
export type SendFailure = 'unavailable' | 'timeout' | 'refused';

export type RaftInput =
  | { readonly type: 'started' }
  /** A deadline passed, proposals of this turn must be flushed, or a round began (leader.ts, startRound). */
  | { readonly type: 'tick' }
  /** A request of a peer. The node answers with a `reply` of the same token, now or later. */
  | { readonly type: 'request'; readonly token: number; readonly request: RaftRequest }
  /** The answer to the `send` with this id. */
  | { readonly type: 'response'; readonly id: number; readonly from: NodeId; readonly response: RaftResponse }
  | { readonly type: 'sendFailed'; readonly id: number; readonly from: NodeId; readonly failure: SendFailure }
  /** All writes up to this `persist` are durable. */
  | { readonly type: 'persisted'; readonly sequence: number }
  /** All parts of a snapshot of this node's own committed state are durable, but it is not published yet. */
  | { readonly type: 'snapshotWritten'; readonly manifest: SnapshotManifest }
  /** The answer to `checkSnapshot`. `error`: the reason why the snapshot cannot be used. */
  | { readonly type: 'snapshotChecked'; readonly id: SnapshotId; readonly error: string | undefined }
  | { readonly type: 'stopRequested' };

export type LogEffect = { readonly type: 'log' } & LogEntry;

export type RaftEffect =
  | { readonly type: 'persist'; readonly sequence: number; readonly writes: readonly StorageWrite[] }
  | {
      readonly type: 'send';
      readonly id: number;
      readonly to: NodeId;
      readonly request: RaftRequest;
      readonly timeoutMs: Millis;
      readonly after: number;
    }
  | {
      readonly type: 'reply';
      readonly token: number;
      readonly response: RaftResponse;
      readonly after: number;
    }
  | { readonly type: 'committed'; readonly batches: readonly CommittedBatch[] }
  /** Read this part of the snapshot, put it into `response`, and answer the request with that response. */
  | { readonly type: 'replyPart'; readonly token: number; readonly response: FetchSnapshotResponse }
  /** A leader's snapshot is complete. Decode it, and report the result with the input `snapshotChecked`. */
  | { readonly type: 'checkSnapshot'; readonly snapshot: Snapshot }
  /** Replace the owner's state by the decoded snapshot. Committed batches after its end follow. */
  | { readonly type: 'installed'; readonly id: SnapshotId }
  /** A snapshot is durable, and counts from now on. It is one of this node's own, or a leader's. */
  | { readonly type: 'published'; readonly manifest: SnapshotManifest }
  | { readonly type: 'becameLeader'; readonly epoch: QuorumEpoch }
  | { readonly type: 'resigned'; readonly epoch: QuorumEpoch }
  /**
   * A majority followed this leader at some moment after this round began. The same holds for every earlier
   * round.
   */
  | { readonly type: 'confirmed'; readonly round: number }
  | { readonly type: 'leaderChanged'; readonly leader: LeaderAndEpoch | undefined }
  | LogEffect
  /**
   * A majority of the voters belongs to another cluster than this node's storage. The host must stop this
   * node.
   */
  | { readonly type: 'disowned'; readonly clusterId: string; readonly peers: readonly NodeId[] }
  /**
   * The last effect, after `stopRequested`. A leader emits it when every EndQuorumEpoch request has an answer
   * or has failed, or when `stopAt` passes. A node in another role emits it at once.
   */
  | { readonly type: 'stopped' };
