/**
 * Runs one ListOffsets request: looks up its partitions in order. If a batch is costly to open, a job opens
 * it; a request has one job at a time. A lookup that scans for long pauses until a later turn. The result of
 * a partition depends on its leadership and high watermark at the end of its lookup, not on those before.
 */
import type { Job, Jobs, Uuid } from '@millrace/base';
import type { CostlyBatch, LogJobs, LookupBudget, PausedLookup } from '@millrace/log';
import { ErrorCode } from '@millrace/protocol';
import type { Partition } from '../partition/partition.ts';
import type { ListOffsetsPartition, ListOffsetsQuery, ListOffsetsResult, PartitionError } from '../types.ts';
import { listedError, listOffset, type Opened, type Paused } from './offset-lookups.ts';

export interface LookupPorts {
  readonly jobs: Jobs;
  readonly kinds: LogJobs;
  /** The work that all requests of this turn may still spend on scanning and opening batches. */
  readonly turnBudget: LookupBudget;
  /** Calls back in a later turn, which has a budget of its own. `Clock.soon` stays within the turn. */
  inLaterTurn(callback: () => void): void;
  find(topicId: Uuid, index: number): Partition | PartitionError;
  failed(partition: Partition, reason: string): void;
}

export class ListOffsetsRun {
  private readonly ports: LookupPorts;
  private readonly query: ListOffsetsQuery;
  private readonly done: (results: ListOffsetsResult[]) => void;
  private readonly results: ListOffsetsResult[] = [];
  private readonly counts = new Map<string, number>();
  private job: Job | undefined;
  private isEnded = false;

  constructor(ports: LookupPorts, query: ListOffsetsQuery, done: (results: ListOffsetsResult[]) => void) {
    this.ports = ports;
    this.query = query;
    this.done = done;
    for (const wanted of query.partitions)
      this.counts.set(keyOf(wanted), (this.counts.get(keyOf(wanted)) ?? 0) + 1);
  }

  /** Returns true if the request waits for a job or for a later turn. */
  start(): boolean {
    this.run(undefined);
    return !this.isEnded;
  }

  cancel(): void {
    this.job?.cancel();
    this.isEnded = true;
  }

  /**
   * Called when the request timed out, or the broker stops. Answers the remaining partitions with this error.
   */
  fail(errorCode: ErrorCode): void {
    if (this.isEnded) return;
    this.job?.cancel();
    while (this.results.length < this.query.partitions.length) this.results.push(listedError(errorCode));
    this.finish();
  }

  /** `first`: a job's result for the next partition, or where its lookup paused. */
  private run(first: Opened | Paused | undefined): void {
    const { partitions } = this.query;
    let earlier = first;
    while (this.results.length < partitions.length) {
      const listed = this.look(partitions[this.results.length]!, earlier);
      if (listed === undefined) return;
      earlier = undefined;
      this.results.push(listed);
    }
    this.finish();
  }

  /** Returns undefined if it started a job, or waits for a later turn. */
  private look(
    wanted: ListOffsetsPartition,
    earlier: Opened | Paused | undefined,
  ): ListOffsetsResult | undefined {
    if (this.counts.get(keyOf(wanted)) !== 1) return listedError(ErrorCode.INVALID_REQUEST);
    const found = this.ports.find(wanted.topicId, wanted.partition);
    if ('errorCode' in found) return listedError(found.errorCode);
    const listed = listOffset(found, wanted, this.query, this.ports.turnBudget, earlier);
    if ('batch' in listed) return this.open(found, listed);
    return 'nextOffset' in listed ? this.pause(found, listed) : listed;
  }

  private pause({ leaderEpoch }: Partition, paused: PausedLookup): undefined {
    this.ports.inLaterTurn(() => {
      if (!this.isEnded) this.run({ ...paused, inLeaderEpoch: leaderEpoch });
    });
  }

  private open(partition: Partition, costly: CostlyBatch): ListOffsetsResult | undefined {
    const { jobs, kinds } = this.ports;
    const { leaderEpoch, nextOffset } = costly;
    const inLeaderEpoch = partition.leaderEpoch;
    this.job = jobs.start(kinds.findInBatch, costly.batch, costly.wanted, (outcome) => {
      this.job = undefined;
      if (outcome.ok) {
        const hit = outcome.value && { ...outcome.value, leaderEpoch };
        this.run({
          inLeaderEpoch,
          hit,
          nextOffset,
          batch: outcome.bytes,
        });
        return;
      }
      this.ports.failed(partition, outcome.reason);
      this.results.push(listedError(ErrorCode.UNKNOWN_SERVER_ERROR));
      this.run(undefined);
    });
    return this.job === undefined ? listedError(ErrorCode.REQUEST_TIMED_OUT) : undefined;
  }

  private finish(): void {
    this.isEnded = true;
    this.done(this.results);
  }
}

function keyOf({ topic, partition }: ListOffsetsPartition): string {
  return `${topic}-${partition}`;
}
