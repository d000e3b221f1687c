/**
 * Runs one produce request through its partitions, in their order. While a job checks a batch, the batches
 * after it wait. So two batches of one partition are appended in order, and a request has at most one job at
 * a time. Each append uses the leadership, ISR and settings at the time of the append, not those from before
 * the job.
 */
import { type Job, type Jobs, type Millis, type Uuid, ZERO_UUID } from '@millrace/base';
import type { Admission, AdmissionVerdict, DoorOptions, LogJobs } from '@millrace/log';
import { ErrorCode, isRetriable } from '@millrace/protocol';
import { type Acknowledgement, ProduceOperation, produceFailure } from '../partition/acks.ts';
import type { Partition } from '../partition/partition.ts';
import type { Cancel, PartitionError, ProducePartition, ProduceRequest, ProduceResult } from '../types.ts';

export interface ProducePorts {
  readonly jobs: Jobs;
  readonly kinds: LogJobs;
  find(topicId: Uuid, index: number): Partition | PartitionError;
  /** Called when a batch failed with a retriable error because its partition is not open on this broker. */
  batchFailed(topicNameOrId: string, index: number, records: Uint8Array | null): void;
  failed(partition: Partition, reason: string): void;
  /** Called when this broker lost the leadership while a batch was being checked. */
  overtaken(partition: Partition): void;
  after(delayMs: Millis, callback: () => void): Cancel;
}

/**
 * Calls `done` when the guarantee of `acks` holds or has failed for every batch, but not if `cancel` dropped
 * a batch. If the request waits for a job, calls `ended` when every batch was appended, dropped or refused.
 */
export class ProduceRun {
  private readonly ports: ProducePorts;
  private readonly request: ProduceRequest;
  private readonly operation = new ProduceOperation();
  private readonly done: (results: ProduceResult[]) => void;
  private slot = 0;
  /** The acknowledgement of the partition at `slot`. */
  private acknowledgement: Acknowledgement | undefined;
  private job: Job | undefined;
  /**
   * Copies of the remaining batches. They are made when a job starts, because the bytes of the request are
   * valid only until `start` returns.
   */
  private kept: (Uint8Array | null)[] | undefined;
  private ended: (() => void) | undefined;

  constructor(ports: ProducePorts, request: ProduceRequest, done: (results: ProduceResult[]) => void) {
    this.ports = ports;
    this.request = request;
    this.done = done;
  }

  /** Returns true if the request waits for a job. Then calls `ended` when the request no longer waits. */
  start(ended: () => void): boolean {
    // Note the failures of unknown partitions now. A job takes time, and the metadata may bring such a
    // partition before the run reaches it.
    for (const wanted of this.request.partitions)
      if (wanted.unknown !== undefined) this.noteFailed(wanted, wanted.records, wanted.unknown);
    if (this.run()) return false;
    this.ended = ended;
    return true;
  }

  /** Called when the client is gone. Drops the batches that are not appended yet. */
  cancel(): void {
    this.job?.cancel();
    this.job = undefined;
    this.end();
  }

  /** Called when the broker stops. Fails the batches that are not appended yet. */
  fail(errorCode: ErrorCode): void {
    this.job?.cancel();
    this.job = undefined;
    while (this.slot < this.request.partitions.length) this.settle(produceFailure(errorCode));
    this.finish();
  }

  /** Returns false if the request waits for a job. */
  private run(): boolean {
    const { partitions } = this.request;
    while (this.slot < partitions.length) {
      const records = this.kept === undefined ? partitions[this.slot]!.records : this.kept[this.slot]!;
      if (!this.produce(partitions[this.slot]!, records)) return false;
    }
    this.finish();
    return true;
  }

  /**
   * Handles the batch of one partition, then moves to the next slot. Returns false if it started a job; the
   * slot then stays.
   */
  private produce(wanted: ProducePartition, records: Uint8Array | null, admission?: Admission): boolean {
    const found = this.locate(wanted);
    if ('errorCode' in found) {
      this.failAt(wanted, records, found);
      return true;
    }
    this.acknowledgement ??= this.operation.acknowledgement(this.slot);
    const appended = found.produce(records, this.request, this.acknowledgement, admission);
    if (appended === undefined) return this.check(found, records!);
    this.nextSlot();
    return true;
  }

  private locate(wanted: ProducePartition): Partition | PartitionError {
    const { acks } = this.request;
    const isValid = acks >= -1 && acks <= 1;
    const errorCode = wanted.unknown ?? (isValid ? wanted.forbidden : ErrorCode.INVALID_REQUIRED_ACKS);
    if (errorCode !== undefined) return { errorCode, currentLeader: undefined };
    return this.ports.find(wanted.topicId, wanted.partition);
  }

  /**
   * Fails a batch because the partition is not here, the acks are invalid, or the client may not write. If
   * the error is retriable, later batches of the producer must wait for the retry.
   */
  private failAt(
    wanted: ProducePartition,
    records: Uint8Array | null,
    { errorCode, currentLeader }: PartitionError,
  ): void {
    if (wanted.unknown === undefined) this.noteFailed(wanted, records, errorCode);
    this.settle(produceFailure(errorCode, currentLeader === undefined ? {} : { currentLeader }));
  }

  private noteFailed(
    { topicId, topic, partition }: ProducePartition,
    records: Uint8Array | null,
    errorCode: ErrorCode,
  ): void {
    if (isRetriable(errorCode))
      this.ports.batchFailed(topicId === ZERO_UUID ? topic : topicId, partition, records);
  }

  /** Starts a job that checks the batch. Returns true if too many jobs wait: then the batch fails. */
  private check(partition: Partition, records: Uint8Array): boolean {
    this.kept ??= this.request.partitions.map(({ records: lent, unknown, forbidden }, slot) => {
      const isOver = slot < this.slot || unknown !== undefined || forbidden !== undefined;
      return isOver || lent === null ? null : new Uint8Array(lent);
    });
    const bytes = this.kept[this.slot] ?? records;
    const door = partition.doorOptions(this.request.apiVersion);
    const { jobs, kinds } = this.ports;
    this.job = jobs.start(kinds.admit, bytes, door, (outcome) => {
      this.job = undefined;
      if (outcome.ok) this.checked(door, outcome.bytes, outcome.value);
      else {
        this.ports.failed(partition, outcome.reason);
        this.settle(produceFailure(ErrorCode.UNKNOWN_SERVER_ERROR, { message: outcome.reason }));
        this.run();
      }
    });
    if (this.job !== undefined) return false;
    this.settle(partition.failUnchecked(bytes, 'too many batches wait to be checked'));
    return true;
  }

  private checked(door: DoorOptions, bytes: Uint8Array, verdict: AdmissionVerdict): void {
    this.kept![this.slot] = bytes;
    const wanted = this.request.partitions[this.slot]!;
    const found = this.locate(wanted);
    if (!('errorCode' in found) && found.role !== 'leader') this.ports.overtaken(found);
    // If the settings changed during the check, the batch is checked again.
    const counts = !('errorCode' in found) && found.log.config === door.config;
    const admission = verdict.ok ? { ...verdict, bytes } : verdict;
    if (this.produce(wanted, bytes, counts ? admission : undefined)) this.run();
  }

  /** Settles the partition at `slot`, for which nothing was appended. */
  private settle(result: ProduceResult): void {
    (this.acknowledgement ?? this.operation.acknowledgement(this.slot)).settle(result);
    this.nextSlot();
  }

  private nextSlot(): void {
    this.acknowledgement = undefined;
    this.slot++;
  }

  private finish(): void {
    const { operation, request, done } = this;
    if (!operation.isWaiting) operation.start(done);
    else {
      const cancel = this.ports.after(request.timeoutMs, () => operation.expire());
      operation.start((settled) => {
        cancel();
        done(settled);
      });
    }
    this.end();
  }

  private end(): void {
    const { ended } = this;
    this.ended = undefined;
    ended?.();
  }
}
