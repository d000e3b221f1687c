/** Fetches directly from a replica manager, as a consumer or a follower. */
import type { Uuid } from '@millrace/base';
import { apis } from '@millrace/protocol';
import type { Cancel, FetchRequest, FetchResponse, ReplicaManager } from '../../src/index.ts';

export interface Wanted {
  readonly topicId: Uuid;
  readonly partition?: number;
  readonly fetchOffset?: number;
  readonly currentLeaderEpoch?: number;
  readonly lastFetchedEpoch?: number;
  readonly partitionMaxBytes?: number;
}

export interface FetchOptions {
  readonly version?: number;
  readonly maxWaitMs?: number;
  readonly minBytes?: number;
  readonly maxBytes?: number;
  readonly sessionId?: number;
  readonly sessionEpoch?: number;
  readonly isolationLevel?: number;
  readonly forgotten?: readonly Wanted[];
  readonly replica?: { readonly replicaId: number; readonly replicaEpoch: number };
}

/** Builds a request by encoding and decoding it, so that every field that is not given has its default. */
export function fetchRequest(wanted: readonly Wanted[], options: FetchOptions = {}): FetchRequest {
  const version = options.version ?? 17;
  const chunks = apis.fetch.encodeRequest(version, {
    maxWaitMs: options.maxWaitMs ?? 0,
    minBytes: options.minBytes ?? 1,
    maxBytes: options.maxBytes ?? 50_000_000,
    isolationLevel: options.isolationLevel ?? 0,
    sessionId: options.sessionId ?? 0,
    sessionEpoch: options.sessionEpoch ?? -1,
    replicaState: options.replica,
    topics: wanted.map(({ topicId, partition, partitionMaxBytes, ...rest }) => ({
      topicId,
      partitions: [{ partition: partition ?? 0, partitionMaxBytes: partitionMaxBytes ?? 1_000_000, ...rest }],
    })),
    forgottenTopicsData: (options.forgotten ?? []).map(({ topicId, partition }) => ({
      topicId,
      partitions: [partition ?? 0],
    })),
  });
  return { ...apis.fetch.decodeRequest(version, Buffer.concat(chunks)), version };
}

export interface Fetching {
  response: FetchResponse | undefined;
  readonly cancel: Cancel;
  readonly nextRequestArrived: () => void;
}

export function fetchFrom(manager: ReplicaManager, request: FetchRequest): Fetching {
  const fetching: { response: FetchResponse | undefined } = { response: undefined };
  const running = manager.fetch(request, (response) => {
    if (fetching.response !== undefined) throw new Error('answered twice');
    fetching.response = response;
  });
  return Object.assign(fetching, running);
}

/** All partitions of a response, across topics. */
export function partitionsOf(response: FetchResponse | undefined) {
  return (response?.responses ?? []).flatMap((topic) => topic.partitions ?? []);
}
