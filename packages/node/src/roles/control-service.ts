/**
 * The service of a controller node: the quorum's own messages, control streams of brokers, and single calls
 * to the active controller. Translates between messages and the controller; decides nothing.
 */
import {
  type Clock,
  isUuid,
  type Logger,
  type NodeId,
  RpcError,
  type RpcService,
  type RpcStream,
  type RpcStreamHandler,
  type Uuid,
} from '@millrace/base';
import {
  AllocateProducerIdsRequest,
  AllocateProducerIdsResponse,
  AlterPartitionRequest,
  AlterPartitionResponse,
  ControlRequest,
  ControlResponse,
  controlCalls,
  controlSession,
  ForwardRequest,
  ForwardResponse,
} from '@millrace/control';
import type { Controller } from '@millrace/controller';
import { type Api, apis, DecodeError, ErrorCode } from '@millrace/protocol';
import type { Quorum } from '@millrace/raft';
import { answerDescribeQuorum } from './describe-quorum.ts';

export interface ControlServiceOptions {
  readonly quorum: Pick<Quorum, 'handle' | 'leader' | 'describe'>;
  readonly controller: Controller;
  readonly controllerListenerName: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The controller got a message, so its next deadline may be earlier now. */
  touched(): void;
}

type Reply = (answer: Uint8Array | RpcError) => void;

const NOTHING = new Uint8Array(0);
/** An answer of this size fits into a message to the broker, with room to spare. */
const ANSWER_BYTES_MAX = 48 << 20;

export class ControlService implements RpcService {
  private readonly options: ControlServiceOptions;
  /**
   * The latest stream of each broker, open or closed. A message on an earlier stream is late, and only the
   * end of the latest stream concerns the broker.
   */
  private readonly latestStreams: LatestStreams = new Map();
  private streamCount = 0;

  constructor(options: ControlServiceOptions) {
    this.options = options;
  }

  call(method: string, body: Uint8Array, reply: Reply): void {
    const { quorum, logger } = this.options;
    if (quorum.handle(method, body, reply)) return;
    try {
      this.callController(method, body, reply);
    } catch (error) {
      if (!isMalformed(error)) throw error;
      logger.warn('control-message-refused', { method, error: String(error) });
      reply(new RpcError('refused', 'malformed message'));
    }
    this.options.touched();
  }

  stream(method: string, stream: RpcStream): RpcStreamHandler {
    if (method === controlSession.name)
      return new SessionStream(this.options, stream, this.latestStreams, ++this.streamCount);
    stream.close();
    return { message: () => {}, closed: () => {} };
  }

  private callController(method: string, body: Uint8Array, reply: Reply): void {
    const { controller, clock } = this.options;
    const now = clock.monotonicMs();
    switch (method) {
      case controlCalls.alterPartition.name:
        controller.alterPartition(decode(AlterPartitionRequest, body), now, (response) =>
          reply(AlterPartitionResponse.encode(response)),
        );
        return;
      case controlCalls.allocateProducerIds.name:
        controller.allocateProducerIds(decode(AllocateProducerIdsRequest, body), now, (response) =>
          reply(AllocateProducerIdsResponse.encode(response)),
        );
        return;
      case controlCalls.forward.name:
        this.forward(decode(ForwardRequest, body), reply);
        return;
      default:
        reply(new RpcError('refused', `unknown method ${method}`));
    }
  }

  /**
   * Decodes a client's request, has the controller decide it, and encodes the answer in the client's version.
   */
  private forward(request: ForwardRequest, reply: Reply): void {
    const { controller, quorum, clock, controllerListenerName } = this.options;
    const answer = (errorCode: number, body: Uint8Array) =>
      reply(ForwardResponse.encode({ errorCode, body }));
    if (!controller.isActive) {
      answer(ErrorCode.NOT_CONTROLLER, NOTHING);
      return;
    }
    const { apiKey, apiVersion: version, body } = request;
    const info = { version, clientId: request.clientId ?? null, requestId: requestIdOf(request) };
    const now = clock.monotonicMs();
    // Only refusals and dry runs are so long: a decision that enters the log has a smaller limit.
    const answerWith = (bytes: Uint8Array) =>
      bytes.length > ANSWER_BYTES_MAX
        ? answer(ErrorCode.POLICY_VIOLATION, NOTHING)
        : answer(ErrorCode.NONE, bytes);
    const send = <Req, Res, ReqIn, ResIn>(api: Api<Req, Res, ReqIn, ResIn>, response: ResIn) =>
      answerWith(joined(api.encodeResponse(version, response)));
    /**
     * Sends the answer to a decision. A controller that was deposed meanwhile does not know the outcome: the
     * broker asks the next controller.
     */
    const sendDecided = <Req, Res, ReqIn, ResIn>(
      api: Api<Req, Res, ReqIn, ResIn>,
      response: ResIn,
      results: readonly { readonly errorCode: number }[],
    ) => {
      if (results.some(({ errorCode }) => errorCode === ErrorCode.NOT_CONTROLLER))
        answer(ErrorCode.NOT_CONTROLLER, NOTHING);
      else send(api, response);
    };
    switch (apiKey) {
      case apis.createTopics.key:
        controller.createTopics(apis.createTopics.decodeRequest(version, body), info, now, (response) =>
          sendDecided(apis.createTopics, response, response.topics),
        );
        return;
      case apis.deleteTopics.key:
        controller.deleteTopics(apis.deleteTopics.decodeRequest(version, body), info, now, (response) =>
          sendDecided(apis.deleteTopics, response, response.responses),
        );
        return;
      case apis.createPartitions.key:
        controller.createPartitions(
          apis.createPartitions.decodeRequest(version, body),
          info,
          now,
          (response) => sendDecided(apis.createPartitions, response, response.results),
        );
        return;
      case apis.describeQuorum.key: {
        const asked = apis.describeQuorum.decodeRequest(version, body);
        send(apis.describeQuorum, answerDescribeQuorum(asked, quorum.describe(), controllerListenerName));
        return;
      }
      default:
        answer(ErrorCode.INVALID_REQUEST, NOTHING);
    }
  }
}

type LatestStreams = Map<NodeId, SessionStream>;

/**
 * A broker's control stream. A broker that reconnects opens a new stream. The controller may notice the end
 * of the old stream later, and that end must not shorten the session.
 */
class SessionStream implements RpcStreamHandler {
  private readonly options: ControlServiceOptions;
  private readonly stream: RpcStream;
  private readonly latestStreams: LatestStreams;
  /** Grows with each stream that is opened. */
  private readonly number: number;
  /**
   * The broker that sent the last accepted message on this stream; undefined before the first. A refused
   * process does not count.
   */
  private speaker: { readonly brokerId: NodeId; readonly incarnationId: Uuid } | undefined;
  /** The broker said that it closes this stream, so the stream's end does not concern its session. */
  private isLeft = false;

  constructor(
    options: ControlServiceOptions,
    stream: RpcStream,
    latestStreams: LatestStreams,
    number: number,
  ) {
    this.number = number;
    this.options = options;
    this.stream = stream;
    this.latestStreams = latestStreams;
  }

  message(body: Uint8Array): void {
    let request: ControlRequest;
    try {
      request = decode(ControlRequest, body);
    } catch (error) {
      if (!isMalformed(error)) throw error;
      this.options.logger.warn('control-message-refused', {
        method: controlSession.name,
        error: String(error),
      });
      this.stream.close();
      return;
    }
    if (request.leaves) {
      this.isLeft = true;
      return;
    }
    this.answer(request);
    this.options.touched();
  }

  closed(reason: string): void {
    const { controller, clock, logger } = this.options;
    if (this.speaker === undefined) return;
    const { brokerId, incarnationId } = this.speaker;
    if (this.latestStreams.get(brokerId) !== this) return;
    if (this.isLeft) {
      if (controller.isActive) logger.info('broker-stream-left', { brokerId });
      return;
    }
    if (controller.isActive) logger.info('broker-session-closed', { brokerId, reason });
    controller.sessionLost(brokerId, incarnationId, clock.monotonicMs());
    this.options.touched();
  }

  private speaksFor(brokerId: NodeId, incarnationId: Uuid): void {
    this.speaker = { brokerId, incarnationId };
    this.latestStreams.set(brokerId, this);
  }

  /**
   * Whether the broker has opened another stream since. Then this message is older, and its sender no longer
   * waits for an answer. A late request to stay fenced would fence a healthy broker, and the end of this
   * stream would count as the end of the broker.
   */
  private isLate({ register, heartbeat }: ControlRequest): boolean {
    const latest = this.latestStreams.get(register?.brokerId ?? heartbeat?.brokerId ?? -1);
    return latest !== undefined && latest.number > this.number;
  }

  private answer(request: ControlRequest): void {
    const { controller, quorum, clock } = this.options;
    const { sequence, register, heartbeat } = request;
    if (controller.isActive && this.isLate(request)) {
      this.stream.close();
      return;
    }
    const send = (answer: Partial<ControlResponse>) =>
      this.stream.send(
        ControlResponse.encode({
          sequence,
          register: undefined,
          heartbeat: undefined,
          notControllerLeaderId: undefined,
          ...answer,
        }),
      );
    if (!controller.isActive) {
      send({ notControllerLeaderId: quorum.leader()?.nodeId ?? -1 });
      return;
    }
    const now = clock.monotonicMs();
    if (register !== undefined) {
      const accepted = controller.register(register, now, (response) => send({ register: response }));
      if (accepted) this.speaksFor(register.brokerId, register.incarnationId as Uuid);
    } else if (heartbeat !== undefined) {
      const speaker = controller.heartbeat(heartbeat, now, (response) => send({ heartbeat: response }));
      if (speaker !== undefined) this.speaksFor(heartbeat.brokerId, speaker);
    }
  }
}

/** Undefined also for a malformed id: the controller then handles the request as one without retries. */
function requestIdOf({ requestId }: ForwardRequest): Uuid | undefined {
  return requestId !== undefined && isUuid(requestId) ? requestId : undefined;
}

class MalformedError extends Error {}

function decode<T>(message: { decode(bytes: Uint8Array): T }, body: Uint8Array): T {
  try {
    return message.decode(body);
  } catch (error) {
    throw new MalformedError(String(error));
  }
}

function isMalformed(error: unknown): boolean {
  return error instanceof MalformedError || error instanceof DecodeError;
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  if (chunks.length === 1) return chunks[0]!;
  const whole = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.length, 0));
  let position = 0;
  for (const chunk of chunks) {
    whole.set(chunk, position);
    position += chunk.length;
  }
  return whole;
}
