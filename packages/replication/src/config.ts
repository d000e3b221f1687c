/**
 * The settings of a broker's data plane, with Kafka's names where Kafka has the setting. The package `node`
 * sets all of them: this file has no defaults.
 */
import type { Millis } from '@millrace/base';

/** The settings of the log cleaner. All but `isEnabled` may change while the broker runs. */
export interface CleanerConfig {
  /** `log.cleaner.enable` */
  readonly isEnabled: boolean;
  /** `log.cleaner.threads`: how many cleanings may run at a time. */
  readonly cleaningsMax: number;
  /** `log.cleaner.dedupe.buffer.size`: memory for the offset maps of all cleanings. */
  readonly dedupeBufferBytes: number;
  /** `log.cleaner.io.buffer.load.factor`: the share of a map that keys may fill. */
  readonly loadFactor: number;
  /** `log.cleaner.io.buffer.size`: memory for the reads of all cleanings. */
  readonly ioBufferBytes: number;
  /** `log.cleaner.io.max.bytes.per.second`: limit for all reads and writes together. */
  readonly bytesPerSecondMax: number;
  /** `log.cleaner.backoff.ms`: the pause when no log is due, and before a retry. */
  readonly backoffMs: Millis;
}

export interface ReplicationConfig {
  /**
   * The name of the listener for brokers. Fetchers connect to the endpoint that the leader registered for it.
   */
  readonly interBrokerListenerName: string;
  /**
   * `replica.lag.time.max.ms`: the leader asks the controller to remove a follower from the ISR when the
   * follower has not caught up for this long.
   */
  readonly replicaLagTimeMaxMs: Millis;
  /** `replica.fetch.wait.max.ms`: how long a leader may park this broker's fetch. */
  readonly fetchWaitMaxMs: Millis;
  /** `replica.fetch.min.bytes`: the leader may park a fetch until there are this many bytes to send. */
  readonly fetchMinBytes: number;
  /** `replica.fetch.max.bytes`: soft limit for one partition. The first batch of a response may exceed it. */
  readonly fetchMaxBytes: number;
  /** `replica.fetch.response.max.bytes`: soft limit for a whole response. */
  readonly fetchResponseMaxBytes: number;
  /**
   * `replica.fetch.backoff.ms`: how long the fetcher pauses. After an error of one partition, it pauses only
   * this partition. After the connection broke, or after an error of a whole fetch, it pauses all its
   * partitions. Kafka's default is 1 s.
   */
  readonly fetchBackoffMs: Millis;
  /**
   * `replica.socket.timeout.ms`: the follower replaces a connection when a request gets no response for this
   * long.
   */
  readonly replicaSocketTimeoutMs: Millis;
  /** `fetch.max.bytes`: soft limit for the response to one fetch of a consumer or follower. */
  readonly consumerFetchMaxBytes: number;
  /** `max.incremental.fetch.session.cache.slots`: the most fetch sessions of a broker. */
  readonly maxFetchSessions: number;
  /** `replica.high.watermark.checkpoint.interval.ms`: how often the broker writes its checkpoint files. */
  readonly highWatermarkCheckpointIntervalMs: Millis;
  /**
   * `min.free.bytes`: with less free space on the disk of the logs, the broker writes no records of clients.
   */
  readonly minFreeBytes: number;
  /** `log.initial.task.delay.ms`: how long after its start a broker first looks for expired segments. */
  readonly retentionInitialDelayMs: Millis;
  /** `log.retention.check.interval.ms`: how often the broker then looks for expired segments. */
  readonly retentionCheckIntervalMs: Millis;
  /** The settings of the log cleaner in the node's own configuration. */
  readonly cleaner: CleanerConfig;
  /** If no answer has settled an ISR change, the broker sends the change again after this pause. */
  readonly alterPartitionRetryMs: Millis;
  /** The most parked fetches. The leader answers further fetches at once with the available data. */
  readonly maxParkedFetches: number;
  /**
   * The most deletions of records that wait for followers or for a lease. Each partition of a DeleteRecords
   * request counts as one. Beyond this limit, the leader answers a deletion that would have to wait at once
   * with REQUEST_TIMED_OUT.
   */
  readonly maxParkedDeletions: number;
  /**
   * The largest response frame that a leader may send. The follower closes the connection when a larger frame
   * arrives.
   */
  readonly maxResponseFrameBytes: number;
  /**
   * `producer.id.expiration.ms`: the log drops a producer's state when the producer has written nothing for
   * this long.
   */
  readonly producerIdExpirationMs: Millis;
  /**
   * Limit for the work that the event loop does on one batch. The same number limits all compressed batches
   * of one turn together. The unit is one decompressed byte; visiting a record counts as 16. Batches beyond
   * this limit go to jobs.
   */
  readonly loopWorkMax: number;
  /**
   * Properties that the node's configuration sets, by name. A topic config that nobody set falls back to
   * them.
   */
  readonly brokerProperties: ReadonlyMap<string, string>;
}
