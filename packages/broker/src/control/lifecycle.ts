/**
 * This broker's membership: finds the active controller, registers, and sends heartbeats over one control
 * stream. Asks to be unfenced when it has caught up, and asks the controller to move its leaderships away
 * before it stops. Owns the broker epoch and the lease that lets the replicas acknowledge.
 *
 * The controller sets the length of the lease. The broker counts the lease from the time at which it SENT the
 * answered heartbeat. The controller starts its own timer later, so the broker stops acknowledging before the
 * controller can replace it (docs/leases.md). A new active controller knows the broker from the metadata log,
 * so the broker sends it heartbeats under the same epoch, and nothing else changes.
 */
import type { BrokerEpoch, Clock, Logger, Millis, NodeId, Offset, Timer, Uuid } from '@millrace/base';
import type { HeartbeatResponse, RegisterResponse } from '@millrace/control';
import type { ListenerEndpoint } from '@millrace/metadata';
import { ErrorCode, errorName } from '@millrace/protocol';
import type { BrokerLease } from '@millrace/replication';
import { type Answer, ControlStream } from './control-stream.ts';
import type { ControllerLocator } from './controller-locator.ts';

export interface LifecycleConfig {
  /**
   * `broker.session.timeout.ms`: the longest lease that this broker accepts. The active controller sets the
   * length of the lease by its own setting, so the lease may be shorter.
   */
  readonly sessionTimeoutMs: Millis;
  /**
   * The node's own `min.insync.replicas`. Counts unless the topic or a dynamic config of all brokers sets
   * another value.
   */
  readonly minInsyncReplicas: number;
  /** `broker.heartbeat.interval.ms` */
  readonly heartbeatIntervalMs: Millis;
  /** How long the controller may take to move the leaderships away. After that, this broker stops anyway. */
  readonly controlledShutdownMaxMs: Millis;
}

export interface BrokerLifecycleOptions {
  readonly brokerId: NodeId;
  /** The process draws a new id at each start. */
  readonly incarnationId: Uuid;
  /** Advertised listeners. */
  readonly listeners: readonly ListenerEndpoint[];
  readonly rack?: string | undefined;
  /** The ids of the log directories. */
  readonly logDirs: readonly Uuid[];
  /** The broker epoch of the last run, or -1 if the last run did not end with a clean shutdown. */
  readonly previousBrokerEpoch: BrokerEpoch;
  readonly locator: ControllerLocator;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly config: LifecycleConfig;
  readonly events: LifecycleEvents;
  /** The cluster's id, from the data folder or from the quorum. Undefined: not known yet. */
  clusterId(): Uuid | undefined;
  /** The last metadata offset that this broker applied and published to the replicas. */
  metadataOffset(): Offset;
  /** True if everything except metadata is ready to serve clients. */
  readyToServe(): boolean;
  /** Passes the lease to the replica manager. */
  setLease(lease: BrokerLease): void;
}

export interface LifecycleEvents {
  registered(brokerEpoch: BrokerEpoch): void;
  /** Called when the controller has unfenced this broker. From this call on the broker serves clients. */
  unfenced(): void;
  /**
   * Called when the controller has fenced this broker, or when this broker has lost its registration. The
   * broker registers again if it must, and asks to be unfenced.
   */
  fenced(): void;
  /**
   * Called when the broker belongs to another cluster. This cluster will never accept it. The message is for
   * the operator.
   */
  registrationRefused(message: string): void;
}

const BACKOFF_MIN_MS = 10;
const BACKOFF_MAX_MS = 250;
/** Heartbeat interval while the broker waits to be unfenced or to shut down. */
const EAGER_INTERVAL_MS = 50;

export class BrokerLifecycle {
  /** Identifies this registration to the controller; -1: not registered yet. */
  brokerEpoch: BrokerEpoch = -1;
  /** Whether the broker is fenced, as far as it knows; undefined before the first heartbeat answer. */
  fenced: boolean | undefined;
  /** When the lease ends, by the monotonic clock. */
  leaseValidUntilMs: Millis = -1;

  private readonly options: BrokerLifecycleOptions;
  private started = false;
  private stream: ControlStream | undefined;
  /** True if the broker must register (again) before the next heartbeat. */
  private mustRegister = true;
  private previousBrokerEpoch: BrokerEpoch;
  private lastAnswerMs: Millis;
  private lastSentMs: Millis = 0;
  private backoffMs = BACKOFF_MIN_MS;
  private hintFollowed = false;
  /**
   * A new stream waits this long for the answer to its first heartbeat. Each stream on which the controller
   * stays silent doubles the time for the next stream, up to `firstWaitMaxMs`.
   */
  private firstWaitMs: Millis;
  /** False if the last heartbeat asked the controller to unfence this broker. */
  private askedForFence = true;
  private timer: Timer | undefined;
  private forgetLocator: (() => void) | undefined;
  private shutdown: { readonly done: (clean: boolean) => void; readonly deadline: Timer } | undefined;
  private isStopping = false;
  private refusalLogged = false;

  constructor(options: BrokerLifecycleOptions) {
    this.options = options;
    this.previousBrokerEpoch = options.previousBrokerEpoch;
    this.firstWaitMs = options.config.heartbeatIntervalMs;
    this.lastAnswerMs = options.clock.monotonicMs();
  }

  start(): void {
    this.started = true;
    this.forgetLocator = this.options.locator.onLeaderKnown((leaderId) => this.leaderKnown(leaderId));
    this.connect();
  }

  /**
   * Called when the broker applied more metadata, or became ready. If the broker has caught up and waits for
   * no answer, it sends the controller a heartbeat at once.
   */
  progressed(): void {
    if (!this.started || this.mustRegister || !this.askedForFence) return;
    if (this.wantsService() && this.stream?.idle) this.beat();
  }

  /**
   * Asks the controller to move every leadership away. Calls `done(true)` when the controller has moved them.
   * Calls `done(false)` if that takes too long, if no controller answers, or if this broker was never
   * registered. Heartbeats continue until `stop`.
   */
  beginShutdown(done: (clean: boolean) => void): void {
    const { clock, config } = this.options;
    this.isStopping = true;
    if (!this.started || this.brokerEpoch < 0) {
      clock.soon(() => done(false));
      return;
    }
    const deadline = clock.setTimer(config.controlledShutdownMaxMs, () => this.finishShutdown(false));
    this.shutdown = { done, deadline };
    if (this.stream?.idle) this.beat();
  }

  /**
   * Ends without a message, like a process that dies. The controller notices the end soon, and moves the
   * remaining leaderships away.
   */
  stop(): void {
    this.started = false;
    this.timer?.cancel();
    this.forgetLocator?.();
    this.stream?.close();
    this.stream = undefined;
    this.finishShutdown(false);
  }

  // ---- the stream ----

  private connect(): void {
    if (!this.started) return;
    const { locator, clock } = this.options;
    const stream: ControlStream = new ControlStream(
      locator.channel(locator.current()),
      locator.current(),
      clock,
      {
        answered: (answer) => {
          if (this.stream === stream) this.answered(stream, answer);
        },
        broken: (reason, silent) => {
          if (this.stream === stream) this.broken(stream, reason, silent);
        },
        isStopping: () => this.isStopping,
      },
    );
    this.stream = stream;
    this.beat();
  }

  private leaderKnown(leaderId: NodeId): void {
    if (!this.started || this.stream?.controllerId === leaderId) return;
    this.dropStream();
    this.backoffMs = BACKOFF_MIN_MS;
    this.timer?.cancel();
    this.connect();
  }

  /**
   * If a working connection breaks, the broker reconnects to the same controller at once, because the
   * controller fences a broker that stays away. If the controller was silent, the broker tries the next one.
   */
  private broken(stream: ControlStream, reason: string, silent: boolean): void {
    const { locator, logger } = this.options;
    if (stream.served) logger.info('control-stream-lost', { controllerId: stream.controllerId, reason });
    this.stream = undefined;
    if (silent && !stream.served) this.firstWaitMs = Math.min(2 * this.firstWaitMs, this.firstWaitMaxMs());
    if (silent || !stream.served) locator.failed(stream.controllerId);
    this.reconnectLater(stream.served);
  }

  private reconnectLater(atOnce = false): void {
    this.timer?.cancel();
    if (this.shutdown !== undefined && this.isAbandoned()) this.finishShutdown(false);
    const delayMs = atOnce ? 0 : this.backoffMs;
    if (!atOnce) {
      this.backoffMs = Math.min(this.backoffMs * 2, BACKOFF_MAX_MS);
      this.hintFollowed = false;
    }
    this.timer = this.options.clock.setTimer(delayMs, () => this.connect());
  }

  private dropStream(): void {
    const stream = this.stream;
    this.stream = undefined;
    stream?.leave();
  }

  /** Sends the registration if it is due, else a heartbeat. */
  private beat(): void {
    const { options, stream } = this;
    this.timer?.cancel();
    if (!this.started || stream === undefined) return;
    this.lastSentMs = options.clock.monotonicMs();
    const { brokerId } = options;
    if (this.mustRegister) {
      const request = {
        brokerId,
        incarnationId: options.incarnationId,
        clusterId: options.clusterId() ?? '',
        listeners: options.listeners.map((listener) => ({ ...listener })),
        rack: options.rack,
        previousBrokerEpoch: this.previousBrokerEpoch,
        logDirs: [...options.logDirs],
        sessionTimeoutMs: options.config.sessionTimeoutMs,
        minInsyncReplicas: options.config.minInsyncReplicas,
      };
      stream.register(request, this.silenceMaxMs());
      return;
    }
    this.askedForFence = !this.wantsService();
    // A new stream waits only briefly for its first answer. Otherwise the lease could end while the broker
    // waits for a frozen controller.
    const request = {
      brokerId,
      brokerEpoch: this.brokerEpoch,
      metadataOffset: options.metadataOffset(),
      wantFence: this.askedForFence,
      wantShutDown: this.shutdown !== undefined,
    };
    stream.heartbeat(request, stream.served ? this.silenceMaxMs() : this.firstWaitMs);
  }

  /**
   * The broker leaves a controller that does not answer for this long, so that it can find another controller
   * before its session ends.
   */
  private silenceMaxMs(): Millis {
    const { heartbeatIntervalMs, sessionTimeoutMs } = this.options.config;
    return Math.max(2 * heartbeatIntervalMs, sessionTimeoutMs / 2);
  }

  /**
   * A new stream waits at most half a session for its first answer, or one heartbeat interval if that is
   * longer. A controller that takes over gives this broker one session to find it, so the broker must not
   * spend all this time on one silent controller.
   */
  private firstWaitMaxMs(): Millis {
    const { heartbeatIntervalMs, sessionTimeoutMs } = this.options.config;
    return Math.max(heartbeatIntervalMs, sessionTimeoutMs / 2);
  }

  /** True if this broker has replayed its own registration and everything before it, and can serve. */
  private wantsService(): boolean {
    return this.options.readyToServe() && this.options.metadataOffset() >= this.brokerEpoch;
  }

  // ---- the answers ----

  private answered(stream: ControlStream, answer: Answer): void {
    if (answer.kind === 'notController') {
      this.leaveNonController(stream, answer.leaderId);
      return;
    }
    if (answer.response.errorCode === ErrorCode.NOT_CONTROLLER) {
      this.leaveNonController(stream, -1);
      return;
    }
    stream.served = true;
    this.firstWaitMs = this.options.config.heartbeatIntervalMs;
    this.options.locator.answered(stream.controllerId);
    this.backoffMs = BACKOFF_MIN_MS;
    this.hintFollowed = false;
    this.lastAnswerMs = this.options.clock.monotonicMs();
    if (answer.kind === 'register') this.registerAnswered(answer.response, answer.sentMs);
    else this.heartbeatAnswered(answer.response, answer.sentMs);
  }

  private leaveNonController(stream: ControlStream, leaderId: NodeId): void {
    this.dropStream();
    this.options.locator.notController(stream.controllerId, leaderId);
    // Follow a hint at once, but never two hints in a row, because two controllers may name each other.
    const follow = leaderId >= 0 && leaderId !== stream.controllerId && !this.hintFollowed;
    this.hintFollowed = follow;
    this.reconnectLater(follow);
  }

  private registerAnswered({ errorCode, errorMessage, brokerEpoch }: RegisterResponse, sentMs: Millis): void {
    const { logger, events } = this.options;
    if (errorCode === ErrorCode.NONE) {
      this.mustRegister = false;
      this.brokerEpoch = brokerEpoch;
      this.previousBrokerEpoch = brokerEpoch;
      this.refusalLogged = false;
      logger.info('broker-registered', { brokerEpoch });
      // A newly registered broker is fenced: it may follow leaders, but not acknowledge. So its lease has
      // already ended.
      this.setLease(sentMs);
      events.registered(brokerEpoch);
      this.beat();
      return;
    }
    const facts = { error: errorName(errorCode), detail: errorMessage };
    if (!this.refusalLogged) logger.warn('registration-refused', facts);
    this.refusalLogged = true;
    if (errorCode === ErrorCode.INCONSISTENT_CLUSTER_ID) {
      events.registrationRefused(errorMessage ?? 'this broker belongs to another cluster');
      return;
    }
    // The controller may still have the session of an earlier run of this broker. That session ends soon, so
    // try again soon.
    this.beatAfter(Math.min(4 * EAGER_INTERVAL_MS, this.options.config.heartbeatIntervalMs));
  }

  private heartbeatAnswered(response: HeartbeatResponse, sentMs: Millis): void {
    const { errorCode } = response;
    if (errorCode === ErrorCode.STALE_BROKER_EPOCH || errorCode === ErrorCode.BROKER_ID_NOT_REGISTERED) {
      this.loseRegistration(errorCode);
      return;
    }
    if (errorCode !== ErrorCode.NONE) {
      this.options.logger.warn('heartbeat-refused', { error: errorName(errorCode) });
      this.beatAfter(this.options.config.heartbeatIntervalMs);
      return;
    }
    const leaseMs = Math.min(response.leaseMs, this.options.config.sessionTimeoutMs);
    this.setLease(response.isFenced ? sentMs : sentMs + leaseMs);
    this.noteFenced(response.isFenced);
    if (response.shouldShutDown) this.finishShutdown(true);
    const eager = this.shutdown !== undefined || (response.isFenced && this.wantsService());
    const { heartbeatIntervalMs } = this.options.config;
    this.beatAfter(eager ? Math.min(EAGER_INTERVAL_MS, heartbeatIntervalMs) : heartbeatIntervalMs);
  }

  /**
   * Called when another process registered under this id, or when the controller does not know this broker.
   * Ends the lease, and registers again.
   */
  private loseRegistration(errorCode: number): void {
    const { clock, logger } = this.options;
    logger.warn('broker-registration-lost', { brokerEpoch: this.brokerEpoch, error: errorName(errorCode) });
    this.setLease(clock.monotonicMs());
    this.noteFenced(true);
    this.mustRegister = true;
    this.beat();
  }

  private beatAfter(intervalMs: Millis): void {
    const { clock } = this.options;
    this.timer?.cancel();
    const delayMs = Math.max(0, this.lastSentMs + intervalMs - clock.monotonicMs());
    this.timer = clock.setTimer(delayMs, () => this.beat());
  }

  private setLease(validUntilMs: Millis): void {
    this.leaseValidUntilMs = validUntilMs;
    this.options.setLease({ brokerEpoch: this.brokerEpoch, validUntilMs });
  }

  private noteFenced(fenced: boolean): void {
    const before = this.fenced;
    this.fenced = fenced;
    const { brokerEpoch } = this;
    if (before !== false && !fenced) {
      this.options.logger.info('broker-unfenced', { brokerEpoch });
      this.options.events.unfenced();
    } else if (before === false && fenced) {
      this.options.logger.warn('broker-fenced', { brokerEpoch });
      this.options.events.fenced();
    }
  }

  // ---- stopping ----

  /**
   * True if no controller has answered for two heartbeat intervals. Then the whole cluster probably stops.
   */
  private isAbandoned(): boolean {
    const silentMs = this.options.clock.monotonicMs() - this.lastAnswerMs;
    return silentMs >= 2 * this.options.config.heartbeatIntervalMs;
  }

  private finishShutdown(clean: boolean): void {
    const { shutdown } = this;
    if (shutdown === undefined) return;
    this.shutdown = undefined;
    shutdown.deadline.cancel();
    shutdown.done(clean);
  }
}
