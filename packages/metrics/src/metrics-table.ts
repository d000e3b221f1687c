/**
 * Every metric of a node. docs/metrics.md is generated from this table. Code that uses a metric outside the
 * table does not compile. Names and units follow Prometheus: base units (seconds, bytes), `_total` for
 * counters.
 *
 * To add a metric:
 * 1. Add a row to the table below: name, type, role, label, description.
 * 2. `node packages/metrics/src/io/generate-docs.ts` writes `docs/metrics.md`.
 * 3. Count the event where it happens (`metrics.counter`, `metrics.histogram`), or let a scrape read the
 *    value (`metrics.gauge`). `broker/src/front-end-metrics.ts`, `replication/src/replica-metrics.ts` and
 *    `node/src/roles/quorum-metrics.ts` have examples.
 * 4. `packages/node/test/scenarios/metrics.test.ts`: add a row with the action that changes the metric, and
 *    the change that a scrape shows. Its last test demands that each metric of a role is shown.
 */

export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** The role of the nodes that have this metric. `node`: every node has it. */
  readonly of: 'broker' | 'controller' | 'node';
  /** The name of the metric's only label, if it has one. */
  readonly label?: string;
  /** The names of the labels of a gauge that has several. */
  readonly labels?: readonly string[];
  /** The description, in one or two sentences. */
  readonly help: string;
  /** Set for a metric of the process, which io/process-registry.ts measures. */
  readonly isDefault?: true;
}

export const metricsTable = {
  // Requests
  millrace_requests_total: {
    type: 'counter',
    of: 'broker',
    label: 'api',
    help: 'Requests that the broker has answered, and requests with acks=0 that it has completed while their client was connected.',
  },
  millrace_request_seconds: {
    type: 'histogram',
    of: 'broker',
    label: 'api',
    help: 'Time from the start of the work on a request until the broker writes the answer to the socket. The time for which a fetch is parked counts, too.',
  },
  millrace_request_bytes_total: {
    type: 'counter',
    of: 'broker',
    label: 'api',
    help: 'Bytes of the requests that millrace_requests_total counts.',
  },
  millrace_response_bytes_total: {
    type: 'counter',
    of: 'broker',
    label: 'api',
    help: 'Bytes of the answers that the broker sent.',
  },
  millrace_connections: { type: 'gauge', of: 'broker', help: 'Open connections of clients and followers.' },
  millrace_connections_accepted_total: {
    type: 'counter',
    of: 'broker',
    label: 'listener',
    help: 'Connections that the broker accepted.',
  },
  millrace_connections_refused_total: {
    type: 'counter',
    of: 'broker',
    help: 'Connections that the broker closed at once, because of max.connections or max.connections.per.ip, or because the broker was stopping.',
  },
  millrace_malformed_requests_total: {
    type: 'counter',
    of: 'broker',
    help: 'Connections that the broker closed because of a malformed request or an unsupported API.',
  },
  millrace_request_memory_bytes: {
    type: 'gauge',
    of: 'broker',
    help: 'Memory that the broker holds for requests and answers.',
  },
  millrace_request_memory_limit_bytes: {
    type: 'gauge',
    of: 'broker',
    help: 'Limit of the memory that the broker holds for requests and answers (queued.max.request.bytes).',
  },
  millrace_parked_fetches: { type: 'gauge', of: 'broker', help: 'Fetches that wait for data.' },
  millrace_parked_deletions: {
    type: 'gauge',
    of: 'broker',
    help: 'Partitions of DeleteRecords requests that wait until all live replicas have deleted the records.',
  },
  millrace_fetch_sessions: { type: 'gauge', of: 'broker', help: 'Incremental fetch sessions (KIP-227).' },

  // Replicas
  millrace_replicas: {
    type: 'gauge',
    of: 'broker',
    label: 'role',
    help: 'Replicas on this broker, by role: leader, follower or none.',
  },
  millrace_under_replicated_partitions: {
    type: 'gauge',
    of: 'broker',
    help: 'Partitions led by this broker whose ISR has fewer members than the partition has replicas.',
  },
  millrace_under_min_isr_partitions: {
    type: 'gauge',
    of: 'broker',
    help: 'Partitions led by this broker whose ISR has fewer members than min.insync.replicas. If a partition has fewer replicas than min.insync.replicas, the number of replicas counts instead.',
  },
  millrace_offline_replicas: {
    type: 'gauge',
    of: 'broker',
    help: 'Replicas on this broker whose disk failed, or whose log cannot be opened.',
  },
  millrace_logs_to_open: {
    type: 'gauge',
    of: 'broker',
    help: 'Logs that the broker opens now, or that wait for this at its start. The broker registers with the controller when it has opened the logs that it found at start.',
  },
  millrace_leader_changes_total: {
    type: 'counter',
    of: 'broker',
    help: 'Times that this broker became leader of a partition, or stayed its leader in a new leader epoch.',
  },
  millrace_isr_shrinks_total: {
    type: 'counter',
    of: 'broker',
    help: 'Times that the ISR of a partition led by this broker lost members.',
  },
  millrace_isr_expands_total: {
    type: 'counter',
    of: 'broker',
    help: 'Times that the ISR of a partition led by this broker got new members.',
  },
  millrace_follower_lag_records: {
    type: 'gauge',
    of: 'broker',
    label: 'follower',
    help: 'Largest number of records that the follower with this id lacks in one partition led by this broker.',
  },
  millrace_appended_bytes_total: {
    type: 'counter',
    of: 'broker',
    label: 'role',
    help: 'Bytes of batches that this broker appended as leader or as follower.',
  },
  millrace_appends_total: {
    type: 'counter',
    of: 'broker',
    label: 'role',
    help: 'Appends of this broker by role. A leader counts one for each batch. A follower counts one for each partition with records in the answer to a fetch.',
  },
  millrace_log_bytes: { type: 'gauge', of: 'broker', help: 'Size of all logs on this broker.' },
  millrace_log_segments: { type: 'gauge', of: 'broker', help: 'Segments of all logs on this broker.' },
  millrace_disk_total_bytes: {
    type: 'gauge',
    of: 'broker',
    help: 'Size of the file system of log.dirs. NaN means that the file system does not answer.',
  },
  millrace_disk_usable_bytes: {
    type: 'gauge',
    of: 'broker',
    help: 'Bytes that the broker may still write to the file system of log.dirs. NaN means that the file system does not answer.',
  },
  millrace_disk_space_low: {
    type: 'gauge',
    of: 'broker',
    help: '1 while the broker refuses produce requests because of min.free.bytes, else 0.',
  },
  millrace_removed_segments_total: {
    type: 'counter',
    of: 'broker',
    help: 'Segments below the log start offset that this broker removed from its logs.',
  },
  millrace_removed_segment_bytes_total: {
    type: 'counter',
    of: 'broker',
    help: 'Size of the segments that millrace_removed_segments_total counts.',
  },
  millrace_cleanings_total: {
    type: 'counter',
    of: 'broker',
    label: 'result',
    help: 'Compactions of logs that have ended, by result: cleaned, cancelled or failed. A compaction is cancelled if the log was truncated, closed or deleted, if the topic is no longer compacted, or if space is short.',
  },
  millrace_cleaner_read_bytes_total: {
    type: 'counter',
    of: 'broker',
    help: 'Bytes that compaction read. Compaction reads the compacted part of a log once and the uncompacted part twice.',
  },
  millrace_cleaner_written_bytes_total: {
    type: 'counter',
    of: 'broker',
    help: 'Bytes that compaction wrote.',
  },
  millrace_cleaner_dropped_records_total: {
    type: 'counter',
    of: 'broker',
    help: 'Records that compaction dropped.',
  },
  millrace_open_files: {
    type: 'gauge',
    of: 'broker',
    help: 'Segment and index files that the broker keeps open. The setting log.open.files.max is the limit.',
  },
  millrace_open_file_evictions_total: {
    type: 'counter',
    of: 'broker',
    help: 'Segment and index files that the broker closed to open another one. If this grows fast, a higher limit of the process for open files (ulimit -n) saves the broker work.',
  },
  millrace_uncleanable_partitions: {
    type: 'gauge',
    of: 'broker',
    help: 'Replicas whose logs the broker no longer tries to compact, because an error occurred that will not pass. The log event log-uncleanable has the reason.',
  },
  millrace_dirty_ratio_max: {
    type: 'gauge',
    of: 'broker',
    help: 'The share of a log that could be compacted and is not (from 0 to 1), of the log with the largest share. The cleaner computes it each time that it looks for work.',
  },
  millrace_compaction_overdue_seconds_max: {
    type: 'gauge',
    of: 'broker',
    help: 'The longest time by which an uncompacted record exceeds max.compaction.lag.ms. The cleaner computes it each time that it looks for work.',
  },

  // Coordinators
  millrace_coordinator_partitions: {
    type: 'gauge',
    of: 'broker',
    label: 'state',
    help: 'Partitions of internal topics that this broker leads, by state: loading, active or failed. A partition has failed if a record cannot be decoded, or if a checksum is wrong.',
  },
  millrace_coordinator_load_seconds: {
    type: 'histogram',
    of: 'broker',
    help: 'Time to load a partition of an internal topic. The wait until all of its records are committed counts, too.',
  },
  millrace_coordinator_loaded_records_total: {
    type: 'counter',
    of: 'broker',
    label: 'topic',
    help: 'Records that coordinators loaded.',
  },
  millrace_coordinator_appends_total: {
    type: 'counter',
    of: 'broker',
    label: 'topic',
    help: 'Batches that coordinators appended.',
  },
  millrace_coordinator_appended_records_total: {
    type: 'counter',
    of: 'broker',
    label: 'topic',
    help: 'Records in the batches that millrace_coordinator_appends_total counts.',
  },
  millrace_coordinator_commit_seconds: {
    type: 'histogram',
    of: 'broker',
    help: 'Time from the append of a coordinator’s batch until it is committed.',
  },
  millrace_group_rebalances_total: {
    type: 'counter',
    of: 'broker',
    label: 'cause',
    help: 'Rebalances of the groups that this broker coordinates, by cause. The log event group-rebalanced has the same causes.',
  },
  millrace_group_lag: {
    type: 'gauge',
    of: 'broker',
    labels: ['group', 'topic', 'partition'],
    help: 'Records between the committed offset of a group and the high watermark of the partition. The broker that coordinates the group has this series, and asks the leaders of the partitions at each scrape. The series is missing while the leader of its partition does not answer.',
  },
  millrace_group_lag_omitted: {
    type: 'gauge',
    of: 'broker',
    help: 'Committed offsets for which millrace_group_lag has no series, because of the limit metrics.group.lag.max.series. Some of these offsets may belong to deleted topics.',
  },
  millrace_coordinator_waiting_decisions: {
    type: 'gauge',
    of: 'broker',
    help: 'Answers that coordinators hold back until the records of a decision are committed.',
  },

  // Membership
  millrace_broker_unfenced: {
    type: 'gauge',
    of: 'broker',
    help: '1 while this broker’s lease runs and the controller’s last answer says that the broker is unfenced, else 0.',
  },
  millrace_lease_seconds: {
    type: 'gauge',
    of: 'broker',
    help: 'Time until this broker’s lease ends. If the controller answers no heartbeat before then, the broker stops acknowledging.',
  },
  millrace_metadata_applied_offset: {
    type: 'gauge',
    of: 'broker',
    help: 'Offset of the metadata log up to which this broker has applied the records.',
  },

  // Quorum
  millrace_quorum_epoch: { type: 'gauge', of: 'controller', help: 'Current epoch of the quorum.' },
  millrace_quorum_leader: {
    type: 'gauge',
    of: 'controller',
    help: 'Id of the quorum’s leader. -1 means that this controller knows no leader.',
  },
  millrace_quorum_state: {
    type: 'gauge',
    of: 'controller',
    label: 'state',
    help: '1 for the state of the quorum protocol in which this controller is, else 0.',
  },
  millrace_quorum_end_offset: {
    type: 'gauge',
    of: 'controller',
    help: 'End offset of this controller’s metadata log.',
  },
  millrace_quorum_start_offset: {
    type: 'gauge',
    of: 'controller',
    help: 'Start offset of this controller’s metadata log. A snapshot holds the metadata before this offset.',
  },
  millrace_quorum_high_watermark: {
    type: 'gauge',
    of: 'controller',
    help: 'Offset below which the metadata log is committed.',
  },
  millrace_quorum_voter_lag_records: {
    type: 'gauge',
    of: 'controller',
    label: 'voter',
    help: 'Metadata records that a voter lacks. Only the quorum’s leader reports this metric.',
  },
  millrace_quorum_commit_seconds: {
    type: 'histogram',
    of: 'controller',
    help: 'Time from the proposal of metadata records to their commit. Only the quorum’s leader reports this metric.',
  },

  millrace_metadata_snapshot_end_offset: {
    type: 'gauge',
    of: 'controller',
    help: 'End offset of this controller’s newest snapshot of the metadata. 0 means that it has no snapshot.',
  },
  millrace_metadata_snapshot_bytes: {
    type: 'gauge',
    of: 'controller',
    help: 'Size of this controller’s newest snapshot of the metadata. 0 means that it has no snapshot.',
  },
  millrace_metadata_snapshot_age_seconds: {
    type: 'gauge',
    of: 'controller',
    help: 'Time since this controller wrote or loaded its newest snapshot of the metadata, or time since its start if it has written and loaded none since then.',
  },
  millrace_metadata_bytes_since_snapshot: {
    type: 'gauge',
    of: 'controller',
    help: 'Bytes of metadata records that were committed since this controller began to write its newest snapshot, or loaded it.',
  },

  // Controller
  millrace_active_controller: {
    type: 'gauge',
    of: 'controller',
    help: '1 on the active controller, else 0.',
  },
  millrace_registered_brokers: { type: 'gauge', of: 'controller', help: 'Registered brokers.' },
  millrace_fenced_brokers: { type: 'gauge', of: 'controller', help: 'Registered brokers that are fenced.' },
  millrace_topics: { type: 'gauge', of: 'controller', help: 'Topics.' },
  millrace_partitions: { type: 'gauge', of: 'controller', help: 'Partitions of all topics.' },
  millrace_offline_partitions: {
    type: 'gauge',
    of: 'controller',
    help: 'Partitions without a leader.',
  },
  millrace_leader_elections_total: {
    type: 'counter',
    of: 'controller',
    label: 'from',
    help: 'Leader elections that were committed while this controller was active, by the set to which the new leader belonged: isr, elr, former-isr, or unclean (none of these).',
  },

  // Every node
  millrace_fsync_seconds: {
    type: 'histogram',
    of: 'node',
    help: 'Time to fsync a file of a log. The wait for a thread counts, but not the wait for an earlier fsync.',
  },
  process_cpu_user_seconds_total: {
    type: 'counter',
    of: 'node',
    isDefault: true,
    help: 'CPU time of the process in user mode.',
  },
  process_cpu_system_seconds_total: {
    type: 'counter',
    of: 'node',
    isDefault: true,
    help: 'CPU time of the process in system calls.',
  },
  process_cpu_seconds_total: {
    type: 'counter',
    of: 'node',
    isDefault: true,
    help: 'CPU time of the process, in user mode and in system calls.',
  },
  process_resident_memory_bytes: {
    type: 'gauge',
    of: 'node',
    isDefault: true,
    help: 'Resident memory (RSS).',
  },
  process_start_time_seconds: {
    type: 'gauge',
    of: 'node',
    isDefault: true,
    help: 'Start time of the process, in seconds since 1970.',
  },
  process_open_fds: { type: 'gauge', of: 'node', isDefault: true, help: 'Open file descriptors.' },
  nodejs_heap_size_total_bytes: {
    type: 'gauge',
    of: 'node',
    isDefault: true,
    help: 'Size of the JavaScript heap that V8 has allocated.',
  },
  nodejs_heap_size_used_bytes: {
    type: 'gauge',
    of: 'node',
    isDefault: true,
    help: 'Size of the JavaScript heap in use.',
  },
  nodejs_external_memory_bytes: {
    type: 'gauge',
    of: 'node',
    isDefault: true,
    help: 'Memory that JavaScript objects hold outside of the heap, for example buffers.',
  },
  nodejs_eventloop_lag_seconds: {
    type: 'gauge',
    of: 'node',
    isDefault: true,
    help: 'Delay of the event loop. The node measures it just after each scrape, and shows it at the next one.',
  },
  nodejs_eventloop_lag_p99_seconds: {
    type: 'gauge',
    of: 'node',
    isDefault: true,
    help: '99th percentile of the delay of the event loop since the last scrape.',
  },
  nodejs_gc_duration_seconds: {
    type: 'histogram',
    of: 'node',
    label: 'kind',
    isDefault: true,
    help: 'Time of garbage collections, by kind.',
  },
} as const satisfies Record<string, MetricDefinition>;

type Table = typeof metricsTable;
export type MetricName = keyof Table;
type NamesOf<Type extends MetricDefinition['type']> = {
  [Name in MetricName]: Table[Name] extends { readonly isDefault: true }
    ? never
    : Table[Name]['type'] extends Type
      ? Name
      : never;
}[MetricName];
export type CounterName = NamesOf<'counter'>;
export type GaugeName = NamesOf<'gauge'>;
export type HistogramName = NamesOf<'histogram'>;
/** The values of the metric's labels: `[]`, one element, or as many as `labels` has names. */
export type LabelsOf<Name extends MetricName> = Table[Name] extends { readonly label: string }
  ? readonly [label: string]
  : Table[Name] extends { readonly labels: infer Names extends readonly string[] }
    ? { readonly [Index in keyof Names]: string }
    : readonly [];

export function labelNames({ label, labels }: MetricDefinition): readonly string[] {
  return labels ?? (label === undefined ? [] : [label]);
}

export function definitionOf(name: string): MetricDefinition | undefined {
  return (metricsTable as Readonly<Record<string, MetricDefinition>>)[name];
}
