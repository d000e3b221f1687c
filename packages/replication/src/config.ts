/**
 * What a broker's data plane can be told, in Kafka's words and with Kafka's defaults. Owns no logic.
 */
import type { Millis } from '@millrace/base';
import { LOOP_WORK_MAX } from '@millrace/protocol';

export interface ReplicationConfig {
  /** Fetchers connect to the endpoint of this name among the leader's registered listeners. */
  readonly interBrokerListenerName: string;
  /** `replica.lag.time.max.ms`: a follower that was not caught up for so long leaves the ISR. */
  readonly replicaLagTimeMaxMs: Millis;
  /** `replica.fetch.wait.max.ms`: how long a leader may park this broker's fetch. */
  readonly fetchWaitMaxMs: Millis;
  /** `replica.fetch.min.bytes` */
  readonly fetchMinBytes: number;
  /** `replica.fetch.max.bytes`: goal for one partition; a larger first batch still comes through. */
  readonly fetchMaxBytes: number;
  /** `replica.fetch.response.max.bytes`: goal for a whole response. */
  readonly fetchResponseMaxBytes: number;
  /** Pause of one partition, or of the connection, after an error. Kafka waits 1 s. */
  readonly fetchBackoffMs: Millis;
  /** `replica.socket.timeout.ms`: a connection whose request got no answer for so long is replaced. */
  readonly replicaSocketTimeoutMs: Millis;
  /** `fetch.max.bytes`: the most that one fetch of a consumer or follower is answered with. */
  readonly consumerFetchMaxBytes: number;
  /** `max.incremental.fetch.session.cache.slots` */
  readonly maxFetchSessions: number;
  /** `replica.high.watermark.checkpoint.interval.ms` */
  readonly highWatermarkCheckpointIntervalMs: Millis;
  /** Pause before an AlterPartition that got no answer is sent again. */
  readonly alterPartitionRetryMs: Millis;
  /** Fetches beyond so many parked ones are answered at once with what there is. */
  readonly maxParkedFetches: number;
  /** Largest frame a leader may answer with; a larger one breaks the connection. */
  readonly maxResponseFrameBytes: number;
  /** `producer.id.expiration.ms`: a producer that wrote nothing for so long is forgotten. */
  readonly producerIdExpirationMs: Millis;
  /**
   * What is done to one client's batches within a turn, in bytes unfolded (a record costs 16); what costs
   * more is for a job.
   */
  readonly loopWorkMax: number;
  /** Properties that the node's configuration sets, by name: what topic configs fall back to. */
  readonly brokerProperties: ReadonlyMap<string, string>;
}

export const defaultReplicationConfig: ReplicationConfig = {
  interBrokerListenerName: 'PLAINTEXT',
  replicaLagTimeMaxMs: 30_000,
  fetchWaitMaxMs: 500,
  fetchMinBytes: 1,
  fetchMaxBytes: 1_048_576,
  fetchResponseMaxBytes: 10_485_760,
  fetchBackoffMs: 100,
  replicaSocketTimeoutMs: 30_000,
  consumerFetchMaxBytes: 57_671_680,
  maxFetchSessions: 1000,
  highWatermarkCheckpointIntervalMs: 5000,
  alterPartitionRetryMs: 100,
  maxParkedFetches: 100_000,
  maxResponseFrameBytes: 128 * 1024 * 1024,
  producerIdExpirationMs: 86_400_000,
  loopWorkMax: LOOP_WORK_MAX,
  brokerProperties: new Map(),
};
