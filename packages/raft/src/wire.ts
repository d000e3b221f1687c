/** The protobuf form of the quorum's messages and control records. Field numbers are permanent. */
import { isUuid, type Uuid } from '@millrace/base';
import { defineMessage, type MessageType, optional, repeated } from '@millrace/rpc';
import type { FetchResponse, FetchSnapshotResponse, RaftRequest, RaftResponse } from './messages.ts';
import type { BatchKind, LogBatch, SnapshotManifest } from './types.ts';

const VoteRequestMessage = defineMessage('VoteRequest', {
  clusterId: [1, 'string'],
  epoch: [2, 'int32'],
  candidateId: [3, 'int32'],
  candidateKey: [4, 'string'],
  voterKey: [5, 'string'],
  logEndOffset: [6, 'int64'],
  logLastEpoch: [7, 'int32'],
  preVote: [8, 'bool'],
  formation: [9, 'bool'],
});

const VoteResponseMessage = defineMessage('VoteResponse', {
  errorCode: [1, 'int32'],
  epoch: [2, 'int32'],
  leaderId: [3, 'int32'],
  granted: [4, 'bool'],
  logEmpty: [5, 'bool'],
  voterKey: [6, 'string'],
});

const BeginRequestMessage = defineMessage('BeginQuorumEpochRequest', {
  clusterId: [1, 'string'],
  leaderId: [2, 'int32'],
  epoch: [3, 'int32'],
});

const EndRequestMessage = defineMessage('EndQuorumEpochRequest', {
  clusterId: [1, 'string'],
  leaderId: [2, 'int32'],
  epoch: [3, 'int32'],
  preferredSuccessors: [4, repeated('int32')],
});

const EpochResponseMessage = defineMessage('EpochResponse', {
  errorCode: [1, 'int32'],
  epoch: [2, 'int32'],
  leaderId: [3, 'int32'],
});

const FetchRequestMessage = defineMessage('FetchRequest', {
  clusterId: [1, 'string'],
  replicaId: [2, 'int32'],
  replicaKey: [3, 'string'],
  observer: [4, 'bool'],
  epoch: [5, 'int32'],
  fetchOffset: [6, 'int64'],
  lastFetchedEpoch: [7, 'int32'],
  highWatermark: [8, 'int64'],
  maxWaitMs: [9, 'int32'],
  round: [10, 'int64'],
});

const EpochEndMessage = defineMessage('EpochEnd', { epoch: [1, 'int32'], endOffset: [2, 'int64'] });

const SnapshotIdMessage = defineMessage('SnapshotId', { endOffset: [1, 'int64'], epoch: [2, 'int32'] });

const ManifestMessage = defineMessage('SnapshotManifest', {
  id: [1, SnapshotIdMessage],
  voters: [2, 'bytes'],
  parts: [3, 'int32'],
  bytes: [4, 'int64'],
  checksum: [5, 'int64'],
});

const FetchSnapshotRequestMessage = defineMessage('FetchSnapshotRequest', {
  clusterId: [1, 'string'],
  replicaId: [2, 'int32'],
  replicaKey: [3, 'string'],
  observer: [4, 'bool'],
  epoch: [5, 'int32'],
  snapshot: [6, SnapshotIdMessage],
  part: [7, 'int32'],
  round: [8, 'int64'],
});

const FetchSnapshotResponseMessage = defineMessage('FetchSnapshotResponse', {
  errorCode: [1, 'int32'],
  epoch: [2, 'int32'],
  leaderId: [3, 'int32'],
  manifest: [4, optional(ManifestMessage)],
  part: [5, 'int32'],
  content: [6, 'bytes'],
  round: [7, 'int64'],
});

const BatchMessage = defineMessage('LogBatch', {
  baseOffset: [1, 'int64'],
  epoch: [2, 'int32'],
  kind: [3, 'int32'],
  records: [4, repeated('bytes')],
});

const FetchResponseMessage = defineMessage('FetchResponse', {
  errorCode: [1, 'int32'],
  epoch: [2, 'int32'],
  leaderId: [3, 'int32'],
  clusterId: [4, 'string'],
  highWatermark: [5, 'int64'],
  diverging: [6, optional(EpochEndMessage)],
  batches: [7, repeated(BatchMessage)],
  round: [8, 'int64'],
  snapshot: [9, optional(SnapshotIdMessage)],
});

const VoterMessage = defineMessage('Voter', {
  id: [1, 'int32'],
  key: [2, 'string'],
  host: [3, 'string'],
  port: [4, 'int32'],
});

const VotersMessage = defineMessage('VotersRecord', {
  clusterId: [1, 'string'],
  voters: [2, repeated(VoterMessage)],
});

const LeaderChangeMessage = defineMessage('LeaderChangeRecord', {
  leaderId: [1, 'int32'],
  voters: [2, repeated('int32')],
  grantingVoters: [3, repeated('int32')],
});

/** The log's first record: the voters that form the quorum, and their storages. */
export interface VotersRecord {
  readonly clusterId: Uuid;
  readonly voters: readonly MessageType<typeof VoterMessage>[];
}

export function encodeVoters(record: VotersRecord): Uint8Array {
  return VotersMessage.encode({ clusterId: record.clusterId, voters: [...record.voters] });
}

/** Decodes a voters record. Throws an Error if the bytes are not a voters record. */
export function decodeVoters(bytes: Uint8Array): VotersRecord {
  const { clusterId, voters } = VotersMessage.decode(bytes);
  if (!isUuid(clusterId) || voters.length === 0) throw new Error('malformed voters record');
  return { clusterId, voters };
}

export type LeaderChangeRecord = MessageType<typeof LeaderChangeMessage>;
export const encodeLeaderChange = LeaderChangeMessage.encode;

/** The number of each kind of batch, on the wire and on disk. */
export const kindNumbers = { data: 0, leaderChange: 1, voters: 2 } as const satisfies Record<
  BatchKind,
  number
>;
const kinds: readonly BatchKind[] = ['data', 'leaderChange', 'voters'];

/** Returns the kind with this number. Throws an Error for an unknown number. */
export function kindOf(number: number): BatchKind {
  const kind = kinds[number];
  if (kind === undefined) throw new Error('unknown kind of batch');
  return kind;
}

/** The methods of the quorum, with their names on the wire. The names must never change. */
export const raftMethods = {
  vote: 'raft.vote',
  begin: 'raft.begin-quorum-epoch',
  end: 'raft.end-quorum-epoch',
  fetch: 'raft.fetch',
  fetchSnapshot: 'raft.fetch-snapshot',
} as const;

export function encodeRequest(request: RaftRequest): { method: string; body: Uint8Array } {
  const method = raftMethods[request.type];
  if (request.type === 'vote') return { method, body: VoteRequestMessage.encode(request) };
  if (request.type === 'begin') return { method, body: BeginRequestMessage.encode(request) };
  if (request.type === 'fetch') return { method, body: FetchRequestMessage.encode(request) };
  if (request.type === 'fetchSnapshot') return { method, body: FetchSnapshotRequestMessage.encode(request) };
  const preferredSuccessors = [...request.preferredSuccessors];
  return { method, body: EndRequestMessage.encode({ ...request, preferredSuccessors }) };
}

/**
 * Decodes a request. Returns undefined if `method` is not a method of the quorum. Throws an Error if the
 * bytes are not a request of this method.
 */
export function decodeRequest(method: string, body: Uint8Array): RaftRequest | undefined {
  if (method === raftMethods.fetch) return { type: 'fetch', ...FetchRequestMessage.decode(body) };
  if (method === raftMethods.fetchSnapshot)
    return { type: 'fetchSnapshot', ...FetchSnapshotRequestMessage.decode(body) };
  if (method === raftMethods.vote) return { type: 'vote', ...VoteRequestMessage.decode(body) };
  if (method === raftMethods.begin) return { type: 'begin', ...BeginRequestMessage.decode(body) };
  if (method === raftMethods.end) return { type: 'end', ...EndRequestMessage.decode(body) };
  return undefined;
}

export function encodeResponse(response: RaftResponse): Uint8Array {
  if (response.type === 'vote') return VoteResponseMessage.encode(response);
  if (response.type === 'fetchSnapshot') return FetchSnapshotResponseMessage.encode(response);
  if (response.type !== 'fetch') return EpochResponseMessage.encode(response);
  return FetchResponseMessage.encode({ ...response, batches: response.batches.map(batchToWire) });
}

/** Decodes a response. Throws an Error if the bytes are not a response to a request of that type. */
export function decodeResponse(type: RaftRequest['type'], body: Uint8Array): RaftResponse {
  if (type === 'fetch') return decodeFetchResponse(body);
  if (type === 'fetchSnapshot') return decodeFetchSnapshotResponse(body);
  if (type === 'vote') return { type, ...VoteResponseMessage.decode(body) };
  return { type, ...EpochResponseMessage.decode(body) };
}

export function decodeFetchResponse(body: Uint8Array): FetchResponse {
  const message = FetchResponseMessage.decode(body);
  const { diverging, snapshot } = message;
  return { type: 'fetch', ...message, diverging, snapshot, batches: message.batches.map(batchFromWire) };
}

export function decodeFetchSnapshotResponse(body: Uint8Array): FetchSnapshotResponse {
  const message = FetchSnapshotResponseMessage.decode(body);
  const { manifest } = message;
  if (manifest !== undefined && manifest.parts < 1) throw new Error('a snapshot has parts');
  return { type: 'fetchSnapshot', ...message, manifest };
}

export const encodeManifest: (manifest: SnapshotManifest) => Uint8Array = ManifestMessage.encode;
/** Throws an Error if the bytes are not a manifest. */
export const decodeManifest: (bytes: Uint8Array) => SnapshotManifest = ManifestMessage.decode;

function batchToWire(batch: LogBatch): MessageType<typeof BatchMessage> {
  return { ...batch, kind: kindNumbers[batch.kind], records: [...batch.records] };
}

function batchFromWire(message: MessageType<typeof BatchMessage>): LogBatch {
  if (message.records.length === 0) throw new Error('empty batch');
  return { ...message, kind: kindOf(message.kind) };
}

/** Returns the decoded value; undefined if the bytes are malformed. */
export function tryDecode<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch {
    return undefined;
  }
}
