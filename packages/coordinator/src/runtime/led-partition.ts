/**
 * One leadership of this broker for a partition of the internal topic. Makes a shard at the start. Makes a
 * new shard whenever the log refuses a decision or cannot be read. If the partition has a corrupt batch or
 * record, makes no further shard in this leadership.
 */
import type { Deadline, DueCallback, Logger, Millis } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import type { CoordinatorMetrics, PartitionState } from './coordinator-metrics.ts';
import type { Led, LoadOutcome } from './load.ts';
import { LoadQueue, type Serve } from './load-queue.ts';
import type { ShardMachine } from './machine.ts';
import { Shard, type ShardOwner, type ShardServices } from './shard.ts';

const RETRY_MS_MIN: Millis = 100;
const RETRY_MS_MAX: Millis = 5000;

export interface LedPartitionPorts<M extends ShardMachine> extends ShardServices<M> {
  readonly logger: Logger;
  readonly loads: CoordinatorMetrics;
}

export class LedPartition<M extends ShardMachine> implements ShardOwner {
  readonly led: Led;
  /** Is `loading` also during the delay before the next attempt. */
  state: PartitionState = 'loading';
  private readonly ports: LedPartitionPorts<M>;
  private readonly queue: LoadQueue<M>;
  private shard: Shard<M> | undefined;
  private retry: Deadline<DueCallback> | undefined;
  private loadStartedMs: Millis = 0;
  /** Loads that failed since the last successful one. */
  private failedLoads = 0;
  /** Refused batches since the last committed one. */
  private refusals = 0;
  private isEnded = false;

  constructor(led: Led, ports: LedPartitionPorts<M>) {
    this.led = led;
    this.ports = ports;
    const { timers, ownTurns } = ports;
    this.queue = new LoadQueue({ timers, ownTurns, find: () => this.loaded });
  }

  start(): void {
    this.state = 'loading';
    this.retry = undefined;
    this.loadStartedMs = this.ports.timers.now();
    this.shard = new Shard(this.led, this.ports, this);
    this.shard.start();
  }

  end(errorCode: ErrorCode): void {
    this.isEnded = true;
    this.ports.timers.cancel(this.retry);
    this.ports.logger.debug('coordinator-ended', { ...this.facts(), waiting: this.waiting });
    this.shard?.end(errorCode);
    this.queue.refuse(errorCode);
  }

  /**
   * Calls `serve` with the machine. While the partition is being loaded, this may be later. If there is no
   * machine, or if the load takes longer than `LOAD_WAIT_MS`: calls `serve` with the error for the client.
   */
  whenLoaded(serve: Serve<M>): void {
    this.queue.add(serve);
  }

  /**
   * What a request gets that does not wait: the machine, or an error. While other requests still wait, the
   * partition counts as loading, because a request must not overtake an earlier one of the same connection.
   */
  get machine(): M | ErrorCode {
    return this.queue.size === 0 ? this.loaded : ErrorCode.COORDINATOR_LOAD_IN_PROGRESS;
  }

  /**
   * The machine. If there is none: the error that a client gets. As in Kafka, this error is NOT_COORDINATOR
   * if the partition cannot be loaded.
   */
  get loaded(): M | ErrorCode {
    if (this.shard?.isActive === true) return this.shard.machine;
    return this.state === 'failed' ? ErrorCode.NOT_COORDINATOR : ErrorCode.COORDINATOR_LOAD_IN_PROGRESS;
  }

  /** The number of callbacks that wait for a commit. */
  get waiting(): number {
    return this.shard?.waiting ?? 0;
  }

  // ------------------------------------------------------------------ as the owner of a shard

  loadEnded(outcome: LoadOutcome): void {
    const { logger, loads, timers } = this.ports;
    if (outcome.kind === 'loaded') {
      const { records, endOffset } = outcome;
      this.state = 'active';
      this.failedLoads = 0;
      this.queue.release();
      const durationMs = timers.now() - this.loadStartedMs;
      loads.loaded(this.led.topic, records, durationMs);
      logger.info('coordinator-loaded', { ...this.facts(), records, endOffset, durationMs });
    } else if (outcome.kind === 'unreadable') {
      const delayMs = backOff(this.failedLoads++);
      logger.warn('coordinator-load-retried', { ...this.facts(), errorCode: outcome.errorCode, delayMs });
      this.startIn(delayMs);
    } else if (outcome.kind === 'corrupt') {
      this.state = 'failed';
      this.queue.release();
      const { offset, reason } = outcome;
      logger.error('coordinator-load-failed', { ...this.facts(), offset, reason });
    }
    // Nothing to do after `leadership-ended`: the runtime calls `end` when it learns of the leadership's end.
  }

  committed(): void {
    this.refusals = 0;
  }

  refused(errorCode: ErrorCode, decisions: number): void {
    // The cause of the first refusal may be over at once, for example that the ISR shrank in the same turn.
    // So the first new attempt has no delay.
    const delayMs = this.refusals === 0 ? 0 : backOff(this.refusals - 1);
    this.refusals++;
    this.ports.logger.warn('coordinator-append-refused', { ...this.facts(), errorCode, decisions, delayMs });
    this.startIn(delayMs);
  }

  private startIn(delayMs: Millis): void {
    this.state = 'loading';
    if (this.isEnded) return;
    this.retry = this.ports.timers.after(delayMs, () => this.start());
  }

  private facts(): { readonly topic: string; readonly partition: number; readonly leaderEpoch: number } {
    const { topic, index, leaderEpoch } = this.led;
    return { topic, partition: index, leaderEpoch };
  }
}

function backOff(failures: number): Millis {
  return Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** failures);
}
