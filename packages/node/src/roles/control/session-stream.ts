/**
 * A broker's control stream. A broker that reconnects opens a new stream. The controller may notice the end
 * of the old stream only after it has got messages on the new one. In that case the end must not shorten the
 * broker's session.
 */
import type { NodeId, RpcPeer, RpcStream, RpcStreamHandler, Uuid } from '@millrace/base';
import {
  type ControlRequest,
  type ControlResponse,
  controlSession,
  type HeartbeatRequest,
  type RegisterRequest,
} from '@millrace/control';
import { type ControlContext, decodeMessage, isMalformed } from './handler.ts';

/**
 * By broker: the latest stream on which the controller accepted a message, open or closed. A message on an
 * earlier stream is late. The end of an earlier stream does not concern the broker.
 */
export type LatestStreams = Map<NodeId, SessionStream>;

type Answer = (answer: Partial<ControlResponse>) => void;

export class SessionStream implements RpcStreamHandler {
  private readonly context: ControlContext;
  private readonly stream: RpcStream;
  private readonly peer: RpcPeer;
  private readonly latestStreams: LatestStreams;
  /** Grows with each stream that is opened. */
  private readonly number: number;
  /**
   * The broker that sent the last message which the controller accepted on this stream; undefined before the
   * first.
   */
  private speaker: { readonly brokerId: NodeId; readonly incarnationId: Uuid } | undefined;
  /**
   * True if the broker said that it closes this stream. Then the end of the stream does not concern the
   * session.
   */
  private isLeft = false;

  constructor(
    context: ControlContext,
    stream: RpcStream,
    peer: RpcPeer,
    latestStreams: LatestStreams,
    number: number,
  ) {
    this.number = number;
    this.context = context;
    this.stream = stream;
    this.peer = peer;
    this.latestStreams = latestStreams;
  }

  message(body: Uint8Array): void {
    let request: ControlRequest;
    try {
      request = decodeMessage(controlSession.request, body);
    } catch (error) {
      if (!isMalformed(error)) throw error;
      this.context.logger.warn('control-message-refused', {
        method: controlSession.name,
        peer: this.peer.address,
        error: String(error),
      });
      this.stream.close();
      return;
    }
    if (request.leaves) {
      this.isLeft = true;
      return;
    }
    this.handle(request);
    this.context.touched();
  }

  closed(reason: string): void {
    const { controller, clock, logger } = this.context;
    if (this.speaker === undefined) return;
    const { brokerId, incarnationId } = this.speaker;
    if (this.latestStreams.get(brokerId) !== this) return;
    if (this.isLeft) {
      if (controller.isActive) logger.info('broker-stream-left', { brokerId });
      return;
    }
    if (controller.isActive) logger.info('broker-session-closed', { brokerId, reason });
    controller.sessionLost(brokerId, incarnationId, clock.monotonicMs());
    this.context.touched();
  }

  private handle(request: ControlRequest): void {
    const { controller, quorum } = this.context;
    const { sequence, register, heartbeat } = request;
    if (controller.isActive && this.isLate(request)) {
      this.stream.close();
      return;
    }
    const answer: Answer = (response) =>
      this.stream.send(
        controlSession.response.encode({
          sequence,
          register: undefined,
          heartbeat: undefined,
          notControllerLeaderId: undefined,
          ...response,
        }),
      );
    if (!controller.isActive) answer({ notControllerLeaderId: quorum.leader()?.nodeId ?? -1 });
    else if (register !== undefined) this.register(register, answer);
    else if (heartbeat !== undefined) this.heartbeat(heartbeat, answer);
  }

  private register(request: RegisterRequest, answer: Answer): void {
    const { controller, clock } = this.context;
    const accepted = controller.register(request, clock.monotonicMs(), (register) => answer({ register }));
    if (accepted) this.speaksFor(request.brokerId, request.incarnationId as Uuid);
  }

  private heartbeat(request: HeartbeatRequest, answer: Answer): void {
    const { controller, clock } = this.context;
    const now = clock.monotonicMs();
    const speaker = controller.heartbeat(request, now, (heartbeat) => answer({ heartbeat }));
    if (speaker !== undefined) this.speaksFor(request.brokerId, speaker);
  }

  private speaksFor(brokerId: NodeId, incarnationId: Uuid): void {
    this.speaker = { brokerId, incarnationId };
    this.latestStreams.set(brokerId, this);
  }

  /**
   * Whether the broker already uses a newer stream. Then this message is outdated, and its sender no longer
   * waits for an answer. The message must not take effect. Otherwise a late request to stay fenced would
   * fence a healthy broker, and the end of this stream would count as the end of the broker.
   */
  private isLate({ register, heartbeat }: ControlRequest): boolean {
    const latest = this.latestStreams.get(register?.brokerId ?? heartbeat?.brokerId ?? -1);
    return latest !== undefined && latest.number > this.number;
  }
}
