/**
 * Appends a shard's decisions to the log. Gathers the decisions of a turn in one batch, and appends the batch
 * at the end of the turn. While an appended batch is not committed, gathers later decisions in the next
 * batch, for at most LINGER_MS. Never appends within `add`, because a refused append ends the shard, and
 * during `add` the machine is in the middle of a decision.
 */
import type { Millis, WallMillis } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import { isCommitted } from './client-errors.ts';
import { DecisionBatch } from './decision-batch.ts';
import type { CoordinatorRecord, WriteNumber } from './machine.ts';

/**
 * The longest time for which decisions wait for the commit of the batch before. If the followers stop
 * fetching, that commit does not come. Even then the shard must try to append, because only an append shows
 * whether the log refuses appends.
 */
const LINGER_MS: Millis = 10;

export interface PipelinePorts {
  now(): Millis;
  wallMs(): WallMillis;
  /** Calls back at the end of this turn. */
  soon(callback: () => void): void;
  /** Calls back once, in a later turn. Returns a function that cancels the call. */
  after(delayMs: Millis, callback: () => void): () => void;
  /**
   * Appends a batch. Returns an error if the log refused the batch, otherwise NONE. When the batch is
   * committed or can no longer be committed, calls `settled` once, at the end of a turn.
   */
  append(batch: Uint8Array, settled: (errorCode: ErrorCode) => void): ErrorCode;
  /** The batch was appended. */
  appended(batch: DecisionBatch): void;
  /** All decisions up to `committedWrite` are committed; `batch` has the last of them. */
  committed(batch: DecisionBatch): void;
  /**
   * Called when the decisions from `firstWrite` on have failed. `isRefused` true: they are not in the log.
   * False: they are in the log, but this leadership will not commit them. The owner must stop the pipeline.
   */
  failed(errorCode: ErrorCode, firstWrite: WriteNumber, isRefused: boolean): void;
}

export class WritePipeline {
  lastWrite: WriteNumber = 0;
  committedWrite: WriteNumber = 0;
  /** The bytes of all batches that are not committed. */
  uncommittedBytes = 0;
  private readonly ports: PipelinePorts;
  /** Batches that had no room for a further decision. The next `appendDue` appends them. */
  private readonly full: DecisionBatch[] = [];
  private gathering: DecisionBatch | undefined;
  /** Appended and not committed, oldest first. */
  private readonly inFlight: DecisionBatch[] = [];
  private isSoon = false;
  private isStopped = false;
  private cancelLinger: (() => void) | undefined;

  constructor(ports: PipelinePorts) {
    this.ports = ports;
  }

  /** Adds a decision. The caller must check that it fits into one batch of `batchBytesMax` bytes. */
  add(records: readonly CoordinatorRecord[], batchBytesMax: number): void {
    const write = ++this.lastWrite;
    let growth = this.gathering?.growth(records) ?? 0;
    if (this.gathering !== undefined && this.gathering.sizeBytes + growth > batchBytesMax) {
      this.full.push(this.gathering);
      this.gathering = undefined;
    }
    if (this.gathering === undefined) {
      this.gathering = new DecisionBatch(this.ports.now(), write);
      this.uncommittedBytes += this.gathering.sizeBytes;
      growth = this.gathering.growth(records);
    }
    this.gathering.add(records, growth, write);
    this.uncommittedBytes += growth;
    if (this.isSoon) return;
    this.isSoon = true;
    this.ports.soon(() => {
      this.isSoon = false;
      this.appendDue();
    });
  }

  /** Appends nothing more, and ignores batches that settle later. */
  stop(): void {
    this.isStopped = true;
    this.cancelLinger?.();
  }

  private appendDue(): void {
    for (let batch = this.full.shift(); batch !== undefined; batch = this.full.shift()) this.append(batch);
    const { gathering, ports } = this;
    if (this.isStopped || gathering === undefined) return;
    const waitsMs = this.inFlight.length === 0 ? 0 : gathering.sinceMs + LINGER_MS - ports.now();
    if (waitsMs > 0) {
      this.cancelLinger ??= ports.after(waitsMs, () => {
        this.cancelLinger = undefined;
        this.appendDue();
      });
      return;
    }
    this.gathering = undefined;
    this.cancelLinger?.();
    this.cancelLinger = undefined;
    this.append(gathering);
  }

  private append(batch: DecisionBatch): void {
    if (this.isStopped) return;
    const { ports } = this;
    batch.appendedMs = ports.now();
    this.inFlight.push(batch);
    const errorCode = ports.append(batch.build(ports.wallMs()), (result) => this.settled(batch, result));
    if (errorCode === ErrorCode.NONE) ports.appended(batch);
    else ports.failed(errorCode, this.firstWriteOf(batch), true);
  }

  private settled(batch: DecisionBatch, errorCode: ErrorCode): void {
    if (this.isStopped) return;
    if (!isCommitted(errorCode)) {
      this.ports.failed(errorCode, this.firstWriteOf(batch), false);
      return;
    }
    // The high watermark passed this batch, and so all earlier ones.
    const count = this.inFlight.indexOf(batch) + 1;
    for (const { sizeBytes } of this.inFlight.splice(0, count)) this.uncommittedBytes -= sizeBytes;
    if (count === 0) return;
    this.committedWrite = batch.lastWrite;
    this.ports.committed(batch);
    this.appendDue();
  }

  private firstWriteOf(batch: DecisionBatch): WriteNumber {
    const index = this.inFlight.indexOf(batch);
    return (this.inFlight[index - 1]?.lastWrite ?? this.committedWrite) + 1;
  }
}
