/**
 * What a handler is: a plain synchronous function from a decoded request to an answer, given now or later.
 * Which handlers exist is the only list of what this broker speaks and advertises.
 */
import type { Clock, Logger, NodeId, Random, Uuid } from '@millrace/base';
import type { MetadataImage } from '@millrace/metadata';
import type { AnyApi, Api, ErrorCode } from '@millrace/protocol';
import type { ReplicaManager } from '@millrace/replication';
import type { AutoTopicCreation } from './auto-topic-creation.ts';
import type { FrontEndConfig } from './config.ts';

/** The part of the replica manager that clients reach. */
export type ReplicaPort = Pick<
  ReplicaManager,
  'produce' | 'refused' | 'fetch' | 'listOffsets' | 'offsetForLeaderEpoch'
>;

export interface ForwardedRequest {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly clientId: string | null;
  /**
   * The request's body as it was encoded for `apiVersion`: bytes that nobody changes until the answer is
   * there.
   */
  readonly body: Uint8Array;
  readonly timeoutMs: number;
  /**
   * The same in each retry of one request of a client: the controller knows by it what an earlier copy has
   * done.
   */
  readonly requestId?: Uuid;
}

/** `body` is the response's body, encoded for the version of the request; empty with an error. */
export interface ForwardedResponse {
  readonly errorCode: ErrorCode;
  readonly body: Uint8Array;
}

/**
 * Asks the active controller, and its successor when it resigns before it answers. Calls `done` within the
 * request's timeout, in a turn of its own.
 */
export type Forward = (request: ForwardedRequest, done: (response: ForwardedResponse) => void) => void;

/** Where producer ids come from. */
export interface ProducerIdSource {
  /** The answer may come within the call. `producerId` is -1 with an error. */
  next(done: (result: { errorCode: ErrorCode; producerId: number }) => void): void;
}

/** Everything a handler may use of its broker. */
export interface BrokerContext {
  readonly brokerId: NodeId;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly config: FrontEndConfig;
  readonly replicas: ReplicaPort;
  readonly producerIds: ProducerIdSource;
  readonly autoTopics: AutoTopicCreation;
  readonly forward: Forward;
  /** How large an answer there is memory for now; 0: for none. */
  answerBytesMax(): number;
  clusterId(): Uuid | undefined;
  image(): MetadataImage;
  /** What ApiVersions tells: every API that has a handler. */
  readonly apis: readonly AnyApi[];
}

export interface Request<Body> {
  readonly version: number;
  readonly clientId: string | null;
  /** Name of the listener that the client connected to; addresses in the answer are of the same name. */
  readonly listenerName: string;
  readonly remoteAddress: string;
  readonly body: Body;
  /**
   * The body as it came. These bytes, and those in `body`, are valid while the handler is called, no longer.
   */
  readonly bytes: Uint8Array;
}

/** Exactly one of `send`, `sendEncoded`, `nothing` and `close` is called, within the handler or later. */
export interface Reply<Response> {
  send(response: Response): void;
  /**
   * Sends a body that is encoded for the request's version. The caller must not change the bytes afterwards.
   */
  sendEncoded(body: Uint8Array): void;
  /** The client expects no answer (acks=0). */
  nothing(): void;
  /** Closes the connection in place of an answer. */
  close(reason: string): void;
  /**
   * Nothing of this connection is started until the returned function is called: its next request would
   * overtake what this one still does. Later answers wait as ever.
   */
  hold(): () => void;
  /**
   * Called when the client is gone, or the broker gives the connection up, before the answer: stop working on
   * it.
   */
  onGone(callback: () => void): void;
  /**
   * As `onGone`, for a request that changes something: not called when the client closes right behind it
   * (`ANSWER_AWAITED_MS`).
   */
  onGivenUp(callback: () => void): void;
  /** Called once, when the client sends more behind a request that is answered alone, before the answer. */
  onFollowed(callback: () => void): void;
}

export interface Handler {
  readonly api: AnyApi;
  /**
   * While such a request is being answered, no other of its connection is started: its answers may be huge.
   */
  readonly exclusive: boolean;
  /** It looks at the decoded request until it has answered: that memory is held as long. */
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
