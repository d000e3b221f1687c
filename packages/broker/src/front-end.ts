/**
 * The broker's front end: accepts connections, enforces their limits and deadlines, and passes their requests
 * to the handlers. One event loop, no promises. One timer serves all connections; a connection gathers the
 * answers of a turn into one write.
 */

import type { Stream, StreamHandler } from '@millrace/base';
import {
  type Clock,
  DeadlineQueue,
  type Logger,
  type LogLevels,
  type Millis,
  type NodeId,
  type Random,
  type Timer,
  type Uuid,
} from '@millrace/base';
import { dynamicBrokerValue, type MetadataImage, numberOf } from '@millrace/metadata';
import { Metrics } from '@millrace/metrics';
import { SpareBuffers } from '@millrace/protocol';
import { AutoTopicCreation } from './auto-topic-creation.ts';
import type { FrontEndConfig, FrontEndLimits } from './config.ts';
import { Connection, type ConnectionHost, type Sleeper } from './connection/connection.ts';
import { ConnectionCounts, type ConnectionLimits } from './connection/connection-counts.ts';
import { MemoryBudget } from './connection/memory-budget.ts';
import { QuietLogger } from './connection/quiet-logger.ts';
import { FrontEndMetrics } from './front-end-metrics.ts';
import type { BrokerContext, Forward, GroupPort, Handler, ProducerIdSource, ReplicaPort } from './handler.ts';
import { handlers as allHandlers } from './handlers/index.ts';
import { Router } from './router.ts';

export interface BrokerFrontEndOptions {
  readonly brokerId: NodeId;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** The levels of this node's loggers, which clients may describe and alter. */
  readonly logLevels: LogLevels;
  /** Default: metrics that nobody reads. */
  readonly metrics?: Metrics;
  readonly config: FrontEndConfig;
  readonly replicas: ReplicaPort;
  readonly groups: GroupPort;
  /** Buffers for assembling frames and for the records in answers, if the caller shares them. */
  readonly spares?: SpareBuffers;
  readonly producerIds: ProducerIdSource;
  /** Forwards a request to the active controller. */
  readonly forward: Forward;
  /** Undefined: this broker does not know the cluster's id yet. */
  clusterId(): Uuid | undefined;
  /** The committed metadata, as far as this broker has replayed it. */
  image(): MetadataImage;
  /** Set only in tests: replaces the handlers. */
  readonly handlers?: readonly Handler[];
}

const PRESSURE_CHECK_MS = 1000;
const LOGGED_PER_SECOND = 20;

/** The limits of connections now: a dynamic value overrides the node's own configuration. */
function connectionLimits({ brokerId, config, image }: BrokerFrontEndOptions): ConnectionLimits {
  const { maxConnections, maxConnectionsPerIp } = config.limits;
  const now = image();
  const limitOf = (name: string, own: number) => {
    const set = dynamicBrokerValue(now, brokerId, name);
    return set === undefined ? own : numberOf(set);
  };
  return {
    maxConnections: limitOf('max.connections', maxConnections),
    maxConnectionsPerIp: limitOf('max.connections.per.ip', maxConnectionsPerIp),
  };
}

export class BrokerFrontEnd implements ConnectionHost {
  readonly limits: FrontEndLimits;
  readonly budget: MemoryBudget;
  readonly spares: SpareBuffers;
  readonly logger: QuietLogger;
  readonly metrics: FrontEndMetrics;
  readonly connections = new Set<Connection>();
  private readonly clock: Clock;
  private readonly counts: ConnectionCounts;
  private readonly exemptListenerName: string | undefined;
  private readonly router: Router;
  private readonly deadlines = new DeadlineQueue<Sleeper>();
  private timer: { at: Millis; timer: Timer } | undefined;
  private pressureWatched = false;
  private readonly flushes: Connection[] = [];
  private closing: { done: () => void } | undefined;

  constructor(options: BrokerFrontEndOptions) {
    const { clock, config } = options;
    const handlers = options.handlers ?? allHandlers;
    this.spares = options.spares ?? new SpareBuffers();
    this.clock = clock;
    this.limits = config.limits;
    const { queuedMaxBytes } = config.limits;
    const budgetBytes = queuedMaxBytes > 0 ? queuedMaxBytes : Number.POSITIVE_INFINITY;
    this.budget = new MemoryBudget(budgetBytes, () => this.watchPressure());
    this.logger = new QuietLogger(options.logger, clock, LOGGED_PER_SECOND);
    this.exemptListenerName = config.exemptListenerName;
    this.counts = new ConnectionCounts(() => connectionLimits(options));
    this.metrics = this.countedIn(options.metrics ?? new Metrics());
    const context: BrokerContext = {
      brokerId: options.brokerId,
      clock,
      random: options.random,
      logger: options.logger,
      logLevels: options.logLevels,
      config,
      replicas: options.replicas,
      groups: options.groups,
      producerIds: options.producerIds,
      forward: options.forward,
      autoTopics: new AutoTopicCreation(options),
      clusterId: () => options.clusterId(),
      image: () => options.image(),
      apis: handlers.map((handler) => handler.api),
      answerBytesMax: () => this.budget.shareBytes,
    };
    this.router = new Router(handlers, context);
  }

  /**
   * Called when a client connected to the listener of that name. Closes the connection at once if it exceeds
   * a limit, or if the broker is stopping.
   */
  accept(listenerName: string, stream: Stream): StreamHandler {
    const isExempt = listenerName === this.exemptListenerName;
    const refusal = this.closing ? 'the broker is stopping' : this.counts.add(stream.remoteAddress, isExempt);
    if (refusal !== undefined) {
      const { remoteAddress } = stream;
      this.logger.warn('connection-refused', { listener: listenerName, remoteAddress, reason: refusal });
      stream.destroy(refusal);
      this.metrics.refused.add(1);
      return REFUSED;
    }
    this.metrics.accepted.add(1, listenerName);
    const connection = new Connection(this, stream, listenerName);
    this.connections.add(connection);
    this.wakeAt(connection, this.nowMs() + this.limits.idleMs);
    return connection;
  }

  /**
   * Closes every connection, so that clients go to other brokers. The broker still accepts new connections,
   * unless it is stopping.
   */
  closeConnections(reason: string): void {
    for (const connection of [...this.connections]) connection.close(reason, {}, 'info');
  }

  /** Refuses new connections and closes the open ones. Calls `done` when the last one is gone. */
  close(done: () => void): void {
    this.closing = { done };
    this.closeConnections('the broker is stopping');
    this.clock.soon(() => this.finishClosing());
  }

  // ---- calls of the connections ----

  nowMs(): Millis {
    return this.clock.monotonicMs();
  }

  route(frame: Uint8Array, connection: Connection): void {
    this.router.route(frame, connection);
  }

  brings(frame: Uint8Array): boolean {
    return this.router.brings(frame);
  }

  checkSize(start: Uint8Array, sizeBytes: number): void {
    this.router.checkSize(start, sizeBytes);
  }

  flushSoon(connection: Connection): void {
    if (connection.flushAsked) return;
    connection.flushAsked = true;
    this.flushes.push(connection);
    if (this.flushes.length === 1) this.clock.soon(() => this.flushAll());
  }

  wakeAt(connection: Connection, at: Millis): void {
    if (connection.deadline !== undefined) this.deadlines.cancel(connection.deadline);
    connection.deadline = this.deadlines.add(at, connection);
    this.arm();
  }

  gone(connection: Connection): void {
    if (connection.deadline !== undefined) this.deadlines.cancel(connection.deadline);
    this.connections.delete(connection);
    this.counts.remove(connection.remoteAddress);
    this.finishClosing();
  }

  // ---- inside ----

  private countedIn(metrics: Metrics): FrontEndMetrics {
    metrics.gauge('millrace_connections', () => this.connections.size);
    metrics.gauge('millrace_request_memory_bytes', () => this.budget.heldBytes);
    metrics.gauge('millrace_request_memory_limit_bytes', () => this.budget.maxBytes);
    return new FrontEndMetrics(metrics);
  }

  /**
   * A flush may start requests that handlers answer at once. Another call of `flushAll`, later in the same
   * turn, sends these answers.
   */
  private flushAll(): void {
    const connections = this.flushes.splice(0);
    for (const connection of connections) {
      connection.flushAsked = false;
      connection.flush();
    }
  }

  private arm(): void {
    const next = this.deadlines.next();
    if (next === undefined || (this.timer !== undefined && this.timer.at <= next)) return;
    this.timer?.timer.cancel();
    const delayMs = Math.max(0, next - this.nowMs());
    this.timer = { at: next, timer: this.clock.setTimer(delayMs, () => this.wake()) };
  }

  private wake(): void {
    this.timer = undefined;
    const now = this.nowMs();
    for (;;) {
      const due = this.deadlines.popDue(now);
      if (due === undefined) break;
      due.deadlineReached(now);
    }
    this.arm();
  }

  private watchPressure(): void {
    if (this.pressureWatched) return;
    this.pressureWatched = true;
    const { exhausted, heldBytes, decodedBytes, maxBytes } = this.budget;
    if (exhausted) this.logger.warn('memory-budget-exhausted', { heldBytes, maxBytes });
    else this.logger.info('memory-budget-crowded', { decodedBytes, maxBytes });
    const check: Sleeper = { deadlineReached: (now) => this.checkPressure(now) };
    this.deadlines.add(this.nowMs() + PRESSURE_CHECK_MS, check);
    this.arm();
  }

  private checkPressure(now: Millis): void {
    this.pressureWatched = false;
    this.budget.dropStalled(this.connections, now, this.limits.stalledPeerMs);
    if (this.budget.isPressed) this.watchPressure();
  }

  private finishClosing(): void {
    if (this.closing === undefined || this.connections.size > 0) return;
    const { done } = this.closing;
    this.closing = { done: () => {} };
    this.timer?.timer.cancel();
    this.timer = undefined;
    done();
  }
}

const REFUSED: StreamHandler = { data() {}, drained() {}, closed() {} };
