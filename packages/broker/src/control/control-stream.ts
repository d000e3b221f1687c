/**
 * One control stream to one controller. Sends one request at a time, and waits for its answer until a
 * timeout. Does not know the meaning of the messages. Tells its owner at most once that the stream is broken.
 */
import {
  assert,
  type Clock,
  type Millis,
  type NodeId,
  type RpcChannel,
  type RpcStream,
  type Timer,
} from '@millrace/base';
import {
  type ControlRequest,
  type ControlResponse,
  controlSession,
  type HeartbeatRequest,
  type HeartbeatResponse,
  type RegisterRequest,
  type RegisterResponse,
} from '@millrace/control';

/** `sentMs`: when the stream sent the request of this answer. */
export type Answer =
  | { readonly kind: 'register'; readonly response: RegisterResponse; readonly sentMs: Millis }
  | { readonly kind: 'heartbeat'; readonly response: HeartbeatResponse; readonly sentMs: Millis }
  | { readonly kind: 'notController'; readonly leaderId: NodeId };

export interface ControlStreamEvents {
  answered(answer: Answer): void;
  /**
   * Called at most once; no `answered` follows. `silent`: the controller did not answer in time, or the
   * stream could not read its answer.
   */
  broken(reason: string, silent: boolean): void;
  /**
   * True if the broker is about to stop. Then the controller should conclude from the end of the stream that
   * the broker has stopped.
   */
  isStopping(): boolean;
}

export class ControlStream {
  readonly controllerId: NodeId;
  /** True once this controller has answered a request as the active controller. The owner sets it. */
  served = false;
  private readonly clock: Clock;
  private readonly events: ControlStreamEvents;
  private readonly stream: RpcStream;
  private sequence = 0;
  private sentMs: Millis = 0;
  private awaiting: Timer | undefined;
  private over = false;

  constructor(channel: RpcChannel, controllerId: NodeId, clock: Clock, events: ControlStreamEvents) {
    this.controllerId = controllerId;
    this.clock = clock;
    this.events = events;
    this.stream = channel.openStream(controlSession.name, {
      message: (body) => this.received(body),
      closed: (reason) => this.broke(reason),
    });
  }

  /** True if the stream is usable and no request waits for an answer. */
  get idle(): boolean {
    return this.awaiting === undefined && !this.over;
  }

  register(request: RegisterRequest, timeoutMs: Millis): void {
    this.ask({ register: request, heartbeat: undefined }, timeoutMs);
  }

  heartbeat(request: HeartbeatRequest, timeoutMs: Millis): void {
    this.ask({ register: undefined, heartbeat: request }, timeoutMs);
  }

  /**
   * Closes the stream without a message, as if the process had died. The controller fences the broker after a
   * grace period. The stream reports no further events.
   */
  close(): void {
    if (this.over) return;
    this.over = true;
    this.awaiting?.cancel();
    this.stream.close();
  }

  /**
   * Closes the stream of a broker that will connect to a controller again. Unless the broker is stopping, the
   * controller keeps the broker's session. The stream reports no further events.
   */
  leave(): void {
    if (this.over) return;
    this.over = true;
    this.awaiting?.cancel();
    this.leaveAndClose();
  }

  private ask(request: Pick<ControlRequest, 'register' | 'heartbeat'>, timeoutMs: Millis): void {
    assert(this.idle, 'one control request at a time');
    this.sentMs = this.clock.monotonicMs();
    this.awaiting = this.clock.setTimer(timeoutMs, () => {
      this.broke('no answer in time', true);
      this.leaveAndClose();
    });
    this.send({ ...request, leaves: false });
  }

  /**
   * Closes the stream. If the broker is not stopping, sends `leaves` first, because over gRPC a controller
   * cannot distinguish a closed stream from the stream of a killed process. Without `leaves`, the controller
   * would conclude that the process has died.
   */
  private leaveAndClose(): void {
    if (!this.events.isStopping()) this.send({ register: undefined, heartbeat: undefined, leaves: true });
    this.stream.close();
  }

  private send(request: Omit<ControlRequest, 'sequence'>): void {
    this.stream.send(controlSession.request.encode({ sequence: ++this.sequence, ...request }));
  }

  private received(body: Uint8Array): void {
    if (this.over) return;
    let message: ControlResponse;
    try {
      message = controlSession.response.decode(body);
    } catch (error) {
      this.broke(`unreadable answer: ${String(error)}`, true);
      this.leaveAndClose();
      return;
    }
    const { sequence, register, heartbeat, notControllerLeaderId } = message;
    if (sequence !== this.sequence) return;
    this.awaiting?.cancel();
    this.awaiting = undefined;
    const { sentMs } = this;
    if (notControllerLeaderId !== undefined)
      this.events.answered({ kind: 'notController', leaderId: notControllerLeaderId });
    else if (register !== undefined) this.events.answered({ kind: 'register', response: register, sentMs });
    else if (heartbeat !== undefined)
      this.events.answered({ kind: 'heartbeat', response: heartbeat, sentMs });
  }

  private broke(reason: string, silent = false): void {
    if (this.over) return;
    this.over = true;
    this.awaiting?.cancel();
    this.awaiting = undefined;
    this.events.broken(reason, silent);
  }
}
