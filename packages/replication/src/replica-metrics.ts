/** A broker's metrics about its replicas. Gauges look at every replica when they are read, and only then. */
import type { NodeId } from '@millrace/base';
import type { Metrics } from '@millrace/metrics';
import type { LogDirs } from './log-dirs.ts';
import { isUnderMinIsr } from './partition/min-isr.ts';
import type { Partition } from './partition/partition.ts';
import type { PartitionCounters } from './partition/ports.ts';
import type { ReplicaTable } from './replica-table.ts';
import type { DeleteRecordsService } from './serving/delete-records-service.ts';
import type { FetchService } from './serving/fetch-service.ts';

export function countersOf(metrics: Metrics): PartitionCounters {
  const appends = metrics.counter('millrace_appends_total');
  const bytes = metrics.counter('millrace_appended_bytes_total');
  const leaderChanges = metrics.counter('millrace_leader_changes_total');
  const shrinks = metrics.counter('millrace_isr_shrinks_total');
  const expands = metrics.counter('millrace_isr_expands_total');
  for (const role of ['leader', 'follower']) {
    appends.add(0, role);
    bytes.add(0, role);
  }
  return {
    appended(role, sizeBytes) {
      appends.add(1, role);
      bytes.add(sizeBytes, role);
    },
    becameLeader: () => leaderChanges.add(1),
    isrChanged(from, to) {
      if (from.some((id) => !to.includes(id))) shrinks.add(1);
      if (to.some((id) => !from.includes(id))) expands.add(1);
    },
  };
}

export function gaugeReplicas(
  metrics: Metrics,
  table: ReplicaTable,
  manager: {
    readonly fetches: FetchService;
    readonly deletions: DeleteRecordsService;
    readonly logsToOpen: number;
  },
): void {
  const { fetches, deletions } = manager;
  const replicas = () => table.all();
  const count = (holds: (replica: Partition) => boolean) => () => replicas().filter(holds).length;
  const total = (of: (replica: Partition) => number) => () =>
    replicas().reduce((sum, replica) => sum + of(replica), 0);
  const leads = ({ leadership }: Partition) => leadership !== undefined;
  metrics.gauge('millrace_replicas', () => {
    const byRole = new Map([...ROLES].map((role) => [role, 0]));
    for (const { role } of replicas()) byRole.set(role, byRole.get(role)! + 1);
    return byRole;
  });
  metrics.gauge(
    'millrace_under_replicated_partitions',
    count((replica) => leads(replica) && replica.isr.length < replica.replicas.length),
  );
  metrics.gauge(
    'millrace_under_min_isr_partitions',
    count((replica) => leads(replica) && isUnderMinIsr(replica)),
  );
  metrics.gauge('millrace_offline_replicas', () => table.brokenCount + count(({ isOffline }) => isOffline)());
  metrics.gauge('millrace_logs_to_open', () => manager.logsToOpen);
  metrics.gauge('millrace_follower_lag_records', () => lagByFollower(replicas()));
  metrics.gauge(
    'millrace_log_bytes',
    total(({ log }) => log.sizeBytes),
  );
  metrics.gauge(
    'millrace_log_segments',
    total(({ log }) => log.segmentCount),
  );
  metrics.gauge('millrace_parked_fetches', () => fetches.parked.size);
  metrics.gauge('millrace_parked_deletions', () => deletions.parked);
  metrics.gauge('millrace_fetch_sessions', () => fetches.sessions.size);
}

export function gaugeDisk(metrics: Metrics, logDirs: LogDirs): void {
  metrics.gauge('millrace_disk_total_bytes', () => logDirs.space()?.totalBytes ?? Number.NaN);
  metrics.gauge('millrace_disk_usable_bytes', () => logDirs.space()?.usableBytes ?? Number.NaN);
  metrics.gauge('millrace_disk_space_low', () => Number(logDirs.freeSpace.shortage !== undefined));
}

const ROLES = ['leader', 'follower', 'none'] as const;

/** For each follower, the largest number of records that it lacks in one partition. */
function lagByFollower(replicas: readonly Partition[]): ReadonlyMap<string, number> {
  const lags = new Map<NodeId, number>();
  for (const { leadership, log } of replicas)
    for (const { brokerId, logEndOffset } of leadership?.remotes.values() ?? []) {
      // The leader does not know a follower's log end before the follower's first fetch in this epoch.
      const lag = logEndOffset === -1 ? 0 : log.endOffset - Math.max(logEndOffset, log.startOffset);
      lags.set(brokerId, Math.max(lag, lags.get(brokerId) ?? 0));
    }
  return new Map([...lags].map(([brokerId, lag]) => [String(brokerId), lag]));
}
