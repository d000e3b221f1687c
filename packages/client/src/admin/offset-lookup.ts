/**
 * Looks up offsets of partitions: an end of the log, or the first record at or after a timestamp. Asks each
 * partition's leader, and asks again after an error that may pass, until the time is over.
 */
import type { Clock, Millis } from '@millrace/base';
import { apis, ErrorCode, errorName, type ListOffsetsResponse } from '@millrace/protocol';
import type { ClusterView } from '../cluster/cluster-view.ts';
import { fetchOutcome } from '../fetch/fetch-errors.ts';
import { partitionName, type TopicPartition } from '../groups/topic-partitions.ts';

/** Special timestamps of ListOffsets. The end of the log means the high watermark. */
export const OffsetAt = { LATEST: -1, EARLIEST: -2 } as const;

export interface OffsetWanted extends TopicPartition {
  /** Milliseconds since 1970, or one of OffsetAt. */
  readonly timestamp: number;
}

export interface OffsetFound extends TopicPartition {
  /** -1: no record is as young as the timestamp. */
  readonly offset: number;
  readonly leaderEpoch: number;
}

export interface OffsetLookup {
  readonly clock: Clock;
  /** The owner makes this view ask for the topics of `wanted`. */
  readonly cluster: Pick<ClusterView, 'partition' | 'connectionTo' | 'refresh'>;
  readonly timeoutMs: Millis;
  /** The wait between two attempts. Default 100. */
  readonly retryMs?: Millis;
  readonly wanted: readonly OffsetWanted[];
  /** `failed`: the partitions without an offset, with the last error of each. */
  done(found: readonly OffsetFound[], failed: ReadonlyMap<string, string>): void;
}

const RETRY_MS = 100;
const CONSUMER = -1;

export function lookUpOffsets(lookup: OffsetLookup): void {
  new Lookup(lookup).attempt();
}

class Lookup {
  private readonly lookup: OffsetLookup;
  private readonly deadlineMs: Millis;
  private readonly found: OffsetFound[] = [];
  private readonly failed = new Map<string, string>();
  private readonly open: Map<string, OffsetWanted>;
  private inFlight = 0;

  constructor(lookup: OffsetLookup) {
    this.lookup = lookup;
    this.deadlineMs = lookup.clock.monotonicMs() + lookup.timeoutMs;
    this.open = new Map(lookup.wanted.map((wanted) => [partitionName(wanted), wanted]));
  }

  attempt(): void {
    const { cluster } = this.lookup;
    const byLeader = new Map<number, OffsetWanted[]>();
    for (const [name, wanted] of this.open) {
      const leaderId = cluster.partition(wanted.topic, wanted.partition)?.leaderId ?? -1;
      if (leaderId < 0) {
        this.failed.set(name, errorName(ErrorCode.LEADER_NOT_AVAILABLE));
        cluster.refresh();
      } else byLeader.set(leaderId, [...(byLeader.get(leaderId) ?? []), wanted]);
    }
    for (const [leaderId, wanted] of byLeader) this.ask(leaderId, wanted);
    if (this.inFlight === 0) this.next();
  }

  private ask(leaderId: number, wanted: readonly OffsetWanted[]): void {
    const connection = this.lookup.cluster.connectionTo(leaderId);
    const version = connection?.versions?.newest(apis.listOffsets);
    if (connection === undefined || version === undefined) {
      const why = connection === undefined ? 'the leader does not answer' : 'UNSUPPORTED_VERSION';
      for (const one of wanted) this.failed.set(partitionName(one), why);
      return;
    }
    const byTopic = new Map<string, OffsetWanted[]>();
    for (const one of wanted) byTopic.set(one.topic, [...(byTopic.get(one.topic) ?? []), one]);
    const topics = [...byTopic].map(([name, ones]) => ({
      name,
      partitions: ones.map(({ partition, timestamp }) => ({ partitionIndex: partition, timestamp })),
    }));
    this.inFlight++;
    connection.request(apis.listOffsets, version, { replicaId: CONSUMER, topics }, (response) => {
      this.inFlight--;
      if (response === undefined)
        for (const one of wanted) this.failed.set(partitionName(one), 'the leader does not answer');
      else this.take(response);
      if (this.inFlight === 0) this.next();
    });
  }

  private take({ topics }: ListOffsetsResponse): void {
    for (const { name: topic, partitions } of topics)
      for (const { partitionIndex: partition, errorCode, offset, leaderEpoch } of partitions) {
        const name = partitionName({ topic, partition });
        const outcome = fetchOutcome(errorCode);
        if (outcome === 'none') this.found.push({ topic, partition, offset, leaderEpoch });
        if (outcome === 'none') this.failed.delete(name);
        else this.failed.set(name, errorName(errorCode));
        if (outcome === 'none' || outcome === 'fatal') this.open.delete(name);
      }
  }

  private next(): void {
    const { clock, cluster, done, retryMs = RETRY_MS } = this.lookup;
    if (this.open.size === 0 || clock.monotonicMs() + retryMs > this.deadlineMs) {
      done(this.found, this.failed);
      return;
    }
    cluster.refresh();
    clock.setTimer(retryMs, () => this.attempt());
  }
}
