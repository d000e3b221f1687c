/**
 * Runs one produce request through its partitions, in their order. A batch that a job checks delays the
 * batches after it. So two batches of one partition are appended in order, and a request has at most one job
 * at a time. The append uses the leadership, ISR and settings of its own moment, not those from before the
 * job.
 */
import type { Job, Jobs, Millis, Uuid } from '@millrace/base';
import type { AdmissionVerdict, DoorOptions, LogJobs } from '@millrace/log';
import { ErrorCode, isRetriable } from '@millrace/protocol';
import { ProduceOperation, produceFailure } from '../partition/acks.ts';
import type { Partition } from '../partition/partition.ts';
import type { Cancel, ProducePartition, ProduceRequest, ProduceResult } from '../types.ts';
import type { FetchMiss } from './fetch-service.ts';

export interface ProducePorts {
  readonly jobs: Jobs;
  readonly kinds: LogJobs;
  find(topicId: Uuid, index: number): Partition | FetchMiss;
  /** A batch was refused for a partition that does not exist here yet. */
  refused(topicId: Uuid, index: number, records: Uint8Array | null): void;
  failed(partition: Partition, reason: string): void;
  /** The leadership was lost while a batch was being checked. */
  overtaken(partition: Partition): void;
  after(delayMs: Millis, callback: () => void): Cancel;
}

/**
 * Calls `done` when the guarantee of `acks` holds. Calls `ended` when every batch was appended or refused.
 */
export class ProduceRun {
  private readonly ports: ProducePorts;
  private readonly request: ProduceRequest;
  private readonly operation = new ProduceOperation();
  private readonly done: (results: ProduceResult[]) => void;
  private slot = 0;
  private job: Job | undefined;
  /**
   * Copies of the remaining batches, made when a job starts, because the bytes of the request are only lent.
   */
  private kept: (Uint8Array | null)[] | undefined;
  private ended: (() => void) | undefined;

  constructor(ports: ProducePorts, request: ProduceRequest, done: (results: ProduceResult[]) => void) {
    this.ports = ports;
    this.request = request;
    this.done = done;
  }

  /** True: the request waits for a job. Then calls `ended` when it waits for no more jobs. */
  start(ended: () => void): boolean {
    if (this.run()) return false;
    this.ended = ended;
    return true;
  }

  /** The client is gone. Batches that are not appended yet are dropped. */
  cancel(): void {
    this.job?.cancel();
    this.job = undefined;
    this.end();
  }

  /** The broker stops. Refuses batches that are not appended yet. */
  giveUp(errorCode: ErrorCode): void {
    this.job?.cancel();
    this.job = undefined;
    for (; this.slot < this.request.partitions.length; this.slot++)
      this.operation.results[this.slot] = produceFailure(errorCode);
    this.finish();
  }

  /** False: the request waits for a job. */
  private run(): boolean {
    const { partitions } = this.request;
    const { results } = this.operation;
    for (; this.slot < partitions.length; this.slot++) {
      const result = this.produce(partitions[this.slot]!);
      if (result === undefined) return false;
      results[this.slot] = result;
    }
    this.finish();
    return true;
  }

  /** Undefined: a job was started. */
  private produce(wanted: ProducePartition): ProduceResult | undefined {
    const records = this.kept === undefined ? wanted.records : this.kept[this.slot]!;
    const found = this.locate(wanted);
    if ('errorCode' in found) return this.notHere(wanted, records, found);
    return found.produce(records, this.request, this.operation, this.slot) ?? this.check(found, records!);
  }

  private locate(wanted: ProducePartition): Partition | FetchMiss {
    const { acks } = this.request;
    if (acks < -1 || acks > 1)
      return { errorCode: ErrorCode.INVALID_REQUIRED_ACKS, currentLeader: undefined };
    return this.ports.find(wanted.topicId, wanted.partition);
  }

  private notHere(
    { topicId, partition }: ProducePartition,
    records: Uint8Array | null,
    { errorCode, currentLeader }: FetchMiss,
  ): ProduceResult {
    if (isRetriable(errorCode)) this.ports.refused(topicId, partition, records);
    return produceFailure(errorCode, currentLeader === undefined ? {} : { currentLeader });
  }

  private check(partition: Partition, records: Uint8Array): ProduceResult | undefined {
    this.kept ??= this.request.partitions.map(({ records: lent }, slot) =>
      slot < this.slot || lent === null ? null : new Uint8Array(lent),
    );
    const bytes = this.kept[this.slot] ?? records;
    const door = partition.doorOptions(this.request.apiVersion);
    const { jobs, kinds } = this.ports;
    this.job = jobs.start(kinds.admit, bytes, door, (outcome) => {
      this.job = undefined;
      if (outcome.ok) this.checked(door, outcome.bytes, outcome.value);
      else {
        this.ports.failed(partition, outcome.reason);
        this.settle(partition.refuse(records, ErrorCode.UNKNOWN_SERVER_ERROR, outcome.reason));
      }
    });
    if (this.job !== undefined) return undefined;
    return partition.refuse(bytes, ErrorCode.REQUEST_TIMED_OUT, 'too many batches wait to be checked');
  }

  private checked(door: DoorOptions, bytes: Uint8Array, verdict: AdmissionVerdict): void {
    this.kept![this.slot] = bytes;
    const wanted = this.request.partitions[this.slot]!;
    const found = this.locate(wanted);
    if ('errorCode' in found) {
      this.settle(this.notHere(wanted, bytes, found));
      return;
    }
    const admission = verdict.ok ? { ...verdict, bytes } : verdict;
    if (found.role !== 'leader') this.ports.overtaken(found);
    // If the settings changed during the check, the batch is checked again.
    const counts = found.log.config === door.config;
    const result = found.produce(
      bytes,
      this.request,
      this.operation,
      this.slot,
      counts ? admission : undefined,
    );
    const settled = result ?? this.check(found, bytes);
    if (settled !== undefined) this.settle(settled);
  }

  private settle(result: ProduceResult): void {
    this.operation.results[this.slot++] = result;
    this.run();
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
