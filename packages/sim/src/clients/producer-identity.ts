/** An idempotent producer's id, epoch and sequences (KIP-98, KIP-360). */
import type { ClusterView } from '@millrace/client';
import { apis } from '@millrace/protocol';
import { type ClientEnv, countError } from './env.ts';

const RETRY_MS = 100;

export class ProducerIdentity {
  /**
   * The producer gave up a batch: it sends nothing until all requests under way are answered, then calls
   * `restart`.
   */
  isResetting = false;
  private readonly env: ClientEnv;
  private readonly metadata: ClusterView;
  private readonly bumpsEpoch: boolean;
  private readonly usable: () => void;
  private producerId = -1;
  private epoch = -1;
  private asking = false;
  private readonly sequences = new Map<string, number>();

  constructor(env: ClientEnv, metadata: ClusterView, bumpsEpoch: boolean, usable: () => void) {
    this.env = env;
    this.metadata = metadata;
    this.bumpsEpoch = bumpsEpoch;
    this.usable = usable;
  }

  /** Whether there is an id; asks for one if not. */
  get isUsable(): boolean {
    if (this.isResetting) return false;
    if (this.producerId < 0) this.ask();
    return this.producerId >= 0;
  }

  next(partition: string, records: number): { producerId: number; epoch: number; sequence: number } {
    const sequence = this.sequences.get(partition) ?? 0;
    this.sequences.set(partition, sequence + records);
    return { producerId: this.producerId, epoch: this.epoch, sequence };
  }

  reset(): void {
    this.isResetting = true;
  }

  restart(): void {
    this.isResetting = false;
    this.sequences.clear();
    if (this.bumpsEpoch && this.epoch < 32_000) this.epoch++;
    else this.producerId = -1;
  }

  private ask(): void {
    if (this.asking) return;
    this.asking = true;
    const again = () => {
      this.env.life.clock.setTimer(RETRY_MS, () => {
        this.asking = false;
        this.usable();
      });
    };
    const connection = this.metadata.anyConnection();
    if (connection === undefined) {
      again();
      return;
    }
    const request = { transactionalId: null, transactionTimeoutMs: 60_000 };
    connection.request(apis.initProducerId, 4, request, (response) => {
      if (response === undefined || response.errorCode !== 0) {
        countError(this.env, response?.errorCode ?? 0);
        again();
        return;
      }
      this.asking = false;
      this.producerId = response.producerId;
      this.epoch = response.producerEpoch;
      this.usable();
    });
  }
}
