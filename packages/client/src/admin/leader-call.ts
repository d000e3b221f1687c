/**
 * Sends a request about partitions to their leaders. Sends it again when a leader changes or cannot answer
 * now, until every answer is final or the time is over. Knows nothing about the API of the request.
 */
import type { Clock, Millis } from '@millrace/base';
import { ErrorCode, errorName } from '@millrace/protocol';
import type { ClusterView } from '../cluster/cluster-view.ts';
import type { BrokerConnection } from '../connection/broker-connection.ts';
import type { VersionedApi } from '../connection/versions.ts';
import { partitionName, type TopicPartition } from '../groups/topic-partitions.ts';

export interface LeaderCallOptions<Wanted extends TopicPartition, Found extends TopicPartition> {
  readonly clock: Clock;
  /** The owner makes this view ask brokers for the topics of `wanted`. */
  readonly cluster: Pick<ClusterView, 'partition' | 'connectionTo' | 'refresh'>;
  readonly timeoutMs: Millis;
  /** The wait between two attempts. Default 100. */
  readonly retryMs?: Millis;
  readonly wanted: readonly Wanted[];
  /** `failed`: the partitions without a result, with the last error of each. */
  done(found: readonly Found[], failed: ReadonlyMap<string, string>): void;
}

export interface LeaderAnswer<Found extends TopicPartition> {
  readonly errorCode: number;
  /** If there is an error, only its topic and partition are valid. */
  readonly found: Found;
}

export interface LeaderApi<Wanted extends TopicPartition, Found extends TopicPartition> {
  readonly api: VersionedApi;
  /**
   * Sends one request to a leader. `leftMs`: the time until the call is over. `answered` gets undefined if
   * there was no answer.
   */
  send(
    connection: BrokerConnection,
    version: number,
    wanted: ReadonlyMap<string, readonly Wanted[]>,
    leftMs: Millis,
    answered: (answers: readonly LeaderAnswer<Found>[] | undefined) => void,
  ): void;
  /** True if no retry will succeed. */
  isFinal(errorCode: number): boolean;
}

const RETRY_MS = 100;
/** As in the protocol: there is no leader now. */
const NO_LEADER = -1;
const SILENT = 'the leader does not answer';

export class LeaderCall<Wanted extends TopicPartition, Found extends TopicPartition> {
  private readonly options: LeaderCallOptions<Wanted, Found>;
  private readonly api: LeaderApi<Wanted, Found>;
  private readonly deadlineMs: Millis;
  private readonly found: Found[] = [];
  private readonly failed = new Map<string, string>();
  private readonly open: Map<string, Wanted>;
  private inFlight = 0;

  constructor(options: LeaderCallOptions<Wanted, Found>, api: LeaderApi<Wanted, Found>) {
    this.options = options;
    this.api = api;
    this.deadlineMs = options.clock.monotonicMs() + options.timeoutMs;
    this.open = new Map(options.wanted.map((wanted) => [partitionName(wanted), wanted]));
  }

  attempt(): void {
    const { cluster } = this.options;
    const byLeader = Map.groupBy(
      this.open.values(),
      ({ topic, partition }) => cluster.partition(topic, partition)?.leaderId ?? NO_LEADER,
    );
    for (const [leaderId, wanted] of byLeader) {
      if (leaderId >= 0) this.ask(leaderId, wanted);
      else {
        this.failAll(wanted, errorName(ErrorCode.LEADER_NOT_AVAILABLE));
        cluster.refresh();
      }
    }
    if (this.inFlight === 0) this.next();
  }

  private ask(leaderId: number, wanted: readonly Wanted[]): void {
    const connection = this.options.cluster.connectionTo(leaderId);
    const version = connection?.versions?.newest(this.api.api);
    if (connection === undefined || version === undefined) {
      this.failAll(wanted, connection === undefined ? SILENT : 'UNSUPPORTED_VERSION');
      return;
    }
    const byTopic = Map.groupBy(wanted, ({ topic }) => topic);
    this.inFlight++;
    const leftMs = Math.max(0, this.deadlineMs - this.options.clock.monotonicMs());
    this.api.send(connection, version, byTopic, leftMs, (answers) => {
      this.inFlight--;
      if (answers === undefined) this.failAll(wanted, SILENT);
      else for (const answer of answers) this.take(answer);
      if (this.inFlight === 0) this.next();
    });
  }

  private failAll(wanted: readonly Wanted[], why: string): void {
    for (const one of wanted) this.failed.set(partitionName(one), why);
  }

  private take({ found, errorCode }: LeaderAnswer<Found>): void {
    const name = partitionName(found);
    const isFound = errorCode === ErrorCode.NONE;
    if (isFound) this.found.push(found);
    if (isFound) this.failed.delete(name);
    else this.failed.set(name, errorName(errorCode));
    if (isFound || this.api.isFinal(errorCode)) this.open.delete(name);
  }

  private next(): void {
    const { clock, cluster, done, retryMs = RETRY_MS } = this.options;
    if (this.open.size === 0 || clock.monotonicMs() + retryMs > this.deadlineMs) {
      done(this.found, this.failed);
      return;
    }
    cluster.refresh();
    clock.setTimer(retryMs, () => this.attempt());
  }
}
