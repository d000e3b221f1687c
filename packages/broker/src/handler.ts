/**
 * A handler is a plain synchronous function from a decoded request to an answer, which it gives now or later.
 * The list of handlers (handlers/index.ts) is the only list of the APIs that this broker advertises.
 */
import type { Clock, Logger, LogLevels, NodeId, Random, Uuid } from '@millrace/base';
import type { GroupCoordinator } from '@millrace/coordinator';
import type { MetadataImage } from '@millrace/metadata';
import type { AnyApi, Api, ErrorCode } from '@millrace/protocol';
import type { ReplicaManager } from '@millrace/replication';
import type { AutoTopicCreation } from './auto-topic-creation.ts';
import type { FrontEndConfig } from './config.ts';

/** The part of the replica manager that clients reach. */
export type ReplicaPort = Pick<
  ReplicaManager,
  'produce' | 'fetch' | 'listOffsets' | 'offsetForLeaderEpoch' | 'describeLogDirs'
> & { readonly deletions: Pick<ReplicaManager['deletions'], 'delete'> };

/** The part of the group coordinator that clients reach. */
export type GroupPort = Omit<GroupCoordinator, 'publish' | 'stop' | 'runtime'>;

export interface ForwardedRequest {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly clientId: string | null;
  /** The request's body, encoded for `apiVersion`. Nobody may change the bytes until the answer arrives. */
  readonly body: Uint8Array;
  readonly timeoutMs: number;
  /**
   * Identifies a client's request, and is the same in each copy that this broker sends. With it, the
   * controller finds the result of an earlier copy.
   */
  readonly requestId?: Uuid;
}

/** `body` is the response's body, encoded for the version of the request; empty with an error. */
export interface ForwardedResponse {
  readonly errorCode: ErrorCode;
  readonly body: Uint8Array;
}

/**
 * Sends a request to the active controller. If that controller resigns before it answers, sends the request
 * to the next one. Calls `done` at the latest when the request's timeout is over, and never within this call.
 */
export type Forward = (request: ForwardedRequest, done: (response: ForwardedResponse) => void) => void;

/** The source of producer ids. */
export interface ProducerIdSource {
  /** May call `done` within the call. `producerId` is -1 with an error. */
  next(done: (result: { errorCode: ErrorCode; producerId: number }) => void): void;
}

/** Everything a handler may use of its broker. */
export interface BrokerContext {
  readonly brokerId: NodeId;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly logLevels: LogLevels;
  readonly config: FrontEndConfig;
  readonly replicas: ReplicaPort;
  readonly producerIds: ProducerIdSource;
  readonly autoTopics: AutoTopicCreation;
  readonly groups: GroupPort;
  readonly forward: Forward;
  /** The memory that one answer may take now; 0: no memory is free. */
  answerBytesMax(): number;
  clusterId(): Uuid | undefined;
  image(): MetadataImage;
  /** The APIs that ApiVersions lists: every API that has a handler. */
  readonly apis: readonly AnyApi[];
}

export interface Request<Body> {
  readonly version: number;
  readonly clientId: string | null;
  /** Name of the listener that the client connected to. The answer gives addresses of this listener. */
  readonly listenerName: string;
  readonly remoteAddress: string;
  readonly body: Body;
  /**
   * The encoded body, and the bytes behind it if there are any. These bytes, and those in `body`, are valid
   * only during the call of the handler.
   */
  readonly bytes: Uint8Array;
}

/**
 * A handler calls one of `send`, `sendEncoded`, `nothing` and `close` once, now or later. After the callback
 * of `onGone` or `onAbandoned` it need not call any.
 */
export interface Reply<Response> {
  send(response: Response): void;
  /**
   * Sends a body that is encoded for the request's version. The caller must not change the bytes afterwards.
   */
  sendEncoded(body: Uint8Array): void;
  /** Ends the request without an answer, because the client expects none (acks=0). */
  nothing(): void;
  /** Closes the connection in place of an answer. */
  close(reason: string): void;
  /**
   * Until the handler calls the returned function, the connection starts no other request, because that
   * request would overtake this one.
   */
  hold(): () => void;
  /**
   * The callback runs if the client disconnects, or the broker closes the connection, before the answer is
   * sent. The handler must then stop its work.
   */
  onGone(callback: () => void): void;
  /**
   * Like `onGone`, for a request that changes something. The callback does not run if the client closes soon
   * after the request (`ANSWER_AWAITED_MS`).
   */
  onAbandoned(callback: () => void): void;
  /** For an exclusive request: the callback runs once if the client sends more before the answer. */
  onNextRequest(callback: () => void): void;
}

export interface Handler {
  readonly api: AnyApi;
  /** If true, the connection starts no other request before the answer to this one, which may be huge. */
  readonly exclusive: boolean;
  /**
   * If true, the memory of the request, its frame included, counts as held until the answer, because the
   * handler uses the decoded request until then.
   */
  readonly keepsRequest: boolean;
  handle(broker: BrokerContext, request: Request<unknown>, reply: Reply<unknown>): void;
}

export function defineHandler<Req, Res, ReqInput, ResInput>(
  api: Api<Req, Res, ReqInput, ResInput>,
  handle: (broker: BrokerContext, request: Request<Req>, reply: Reply<ResInput>) => void,
  options: { readonly exclusive?: boolean; readonly keepsRequest?: boolean } = {},
): Handler {
  return {
    api: api as AnyApi,
    exclusive: options.exclusive ?? false,
    keepsRequest: options.keepsRequest ?? true,
    handle: handle as Handler['handle'],
  };
}
