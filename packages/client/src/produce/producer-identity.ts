/** An idempotent producer's id, epoch and sequences (KIP-98, KIP-360). */
import type { Clock, Millis } from '@millrace/base';
import { apis, ErrorCode } from '@millrace/protocol';
import type { ClusterView } from '../cluster/cluster-view.ts';

export interface ProducerIdentityOptions {
  readonly clock: Clock;
  readonly cluster: Pick<ClusterView, 'anyConnection'>;
  /**
   * True: after it gives up a batch, the producer continues with the next epoch, like the Java client. False:
   * it continues with a new id, like librdkafka.
   */
  readonly bumpsEpoch: boolean;
  /** Called when `isUsable` may have become true. */
  readonly changed: () => void;
  /** The wait before the next InitProducerId. Default 100. */
  readonly retryMs?: Millis;
  /** The version of InitProducerId. Default: the newest that both sides have. */
  readonly version?: number;
  /** Called with the error code of each InitProducerId answer. */
  readonly answered?: (code: number) => void;
}

export interface BatchIdentity {
  readonly producerId: number;
  readonly epoch: number;
  /** The sequence of the batch's first record. */
  readonly sequence: number;
}

const RETRY_MS = 100;
/**
 * At this epoch the producer takes a new id, not the next epoch. Kafka's largest epoch is Short.MAX_VALUE.
 */
const EPOCH_MAX = 32_000;
/** A sequence is an int32; after the largest comes 0. */
const SEQUENCES = 2 ** 31;
const TRANSACTION_TIMEOUT_MS = 60_000;

export class ProducerIdentity {
  /**
   * True after the producer gave up a batch. The producer then sends nothing until all requests under way
   * have ended, and calls `restart`.
   */
  isResetting = false;
  private readonly options: ProducerIdentityOptions;
  private producerId = -1;
  private epoch = -1;
  private isAsking = false;
  private readonly sequences = new Map<string, number>();

  constructor(options: ProducerIdentityOptions) {
    this.options = options;
  }

  /** Whether the producer may send under this identity now. Asks for an id if there is none. */
  get isUsable(): boolean {
    if (this.isResetting) return false;
    if (this.producerId < 0) this.ask();
    return this.producerId >= 0;
  }

  /** The identity of the partition's next batch. A retry of the batch uses the same identity. */
  next(partition: string, records: number): BatchIdentity {
    const sequence = this.sequences.get(partition) ?? 0;
    this.sequences.set(partition, (sequence + records) % SEQUENCES);
    return { producerId: this.producerId, epoch: this.epoch, sequence };
  }

  /**
   * Called when the producer gives up a batch that has a sequence. The log may lack that batch, so no later
   * batch can continue from its sequence.
   */
  reset(): void {
    this.isResetting = true;
  }

  /**
   * Takes the next epoch, or drops the id so that the producer asks for a new one. Each partition starts with
   * sequence 0.
   */
  restart(): void {
    this.isResetting = false;
    this.sequences.clear();
    if (this.options.bumpsEpoch && this.epoch < EPOCH_MAX) this.epoch++;
    else this.producerId = -1;
  }

  private ask(): void {
    if (this.isAsking) return;
    this.isAsking = true;
    const { cluster, version: wanted, answered, changed } = this.options;
    const connection = cluster.anyConnection();
    const version = wanted ?? connection?.versions?.newest(apis.initProducerId);
    if (connection === undefined || version === undefined) {
      this.askAgain();
      return;
    }
    const request = { transactionalId: null, transactionTimeoutMs: TRANSACTION_TIMEOUT_MS };
    connection.request(apis.initProducerId, version, request, (response) => {
      if (response !== undefined) answered?.(response.errorCode);
      if (response?.errorCode !== ErrorCode.NONE) {
        this.askAgain();
        return;
      }
      this.isAsking = false;
      this.producerId = response.producerId;
      this.epoch = response.producerEpoch;
      changed();
    });
  }

  private askAgain(): void {
    this.options.clock.setTimer(this.options.retryMs ?? RETRY_MS, () => {
      this.isAsking = false;
      this.options.changed();
    });
  }
}
