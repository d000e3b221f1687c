/** A controller's metrics: the quorum, the time from a proposal to its commit, and the metadata. */
import type { Clock, Millis, Offset } from '@millrace/base';
import type { Controller } from '@millrace/controller';
import type { MetadataImage } from '@millrace/metadata';
import type { Histogram, Metrics } from '@millrace/metrics';
import type { CommittedBatch, Quorum } from '@millrace/raft';

const STATES = ['leader', 'follower', 'candidate', 'prospective', 'unattached', 'resigned'] as const;

/** Measures the time from each proposal to its commit, while this node leads the quorum. */
export class CommitTimes {
  private readonly clock: Pick<Clock, 'monotonicMs'>;
  private readonly seconds: Histogram<readonly []>;
  private pending: { readonly offset: Offset; readonly proposedMs: Millis }[] = [];

  constructor(clock: Pick<Clock, 'monotonicMs'>, metrics: Metrics) {
    this.clock = clock;
    this.seconds = metrics.histogram('millrace_quorum_commit_seconds');
  }

  /** `offset`: the offset of the proposal's last record; undefined when this node does not lead. */
  proposed(offset: Offset | undefined): void {
    if (offset !== undefined) this.pending.push({ offset, proposedMs: this.clock.monotonicMs() });
  }

  committed(batches: readonly CommittedBatch[]): void {
    const last = batches.at(-1);
    if (last === undefined || this.pending.length === 0) return;
    const end = last.baseOffset + last.records.length;
    const now = this.clock.monotonicMs();
    let count = 0;
    for (const { offset, proposedMs } of this.pending) {
      if (offset >= end) break;
      this.seconds.observeMs(now - proposedMs);
      count++;
    }
    this.pending.splice(0, count);
  }

  /** Drops the remaining proposals, because a new leader may replace them. */
  resigned(): void {
    this.pending = [];
  }
}

export function gaugeQuorum(metrics: Metrics, quorum: () => Quorum | undefined): void {
  const node = () => quorum()?.node;
  metrics.gauge('millrace_quorum_epoch', () => node()?.epoch);
  metrics.gauge('millrace_quorum_leader', () => node()?.leaderId);
  metrics.gauge('millrace_quorum_end_offset', () => node()?.log.endOffset);
  metrics.gauge('millrace_quorum_start_offset', () => node()?.log.startOffset);
  metrics.gauge('millrace_quorum_high_watermark', () => node()?.highWatermark);
  metrics.gauge('millrace_quorum_state', () => {
    const role = node()?.role;
    return new Map(STATES.map((state) => [state, Number(state === role)]));
  });
  metrics.gauge('millrace_quorum_voter_lag_records', () => voterLag(quorum()));
  gaugeSnapshots(metrics, quorum);
}

function gaugeSnapshots(metrics: Metrics, quorum: () => Quorum | undefined): void {
  const newest = () => quorum()?.node.snapshots.newest;
  metrics.gauge('millrace_metadata_snapshot_end_offset', () => newest()?.id.endOffset ?? 0);
  metrics.gauge('millrace_metadata_snapshot_bytes', () => newest()?.bytes ?? 0);
  metrics.gauge('millrace_metadata_snapshot_age_seconds', () => {
    const progress = quorum()?.snapshotProgress();
    return progress === undefined ? undefined : progress.ageMs / 1000;
  });
  metrics.gauge('millrace_metadata_bytes_since_snapshot', () => quorum()?.snapshotProgress()?.bytesSince);
}

function voterLag(quorum: Quorum | undefined): ReadonlyMap<string, number> {
  const lag = new Map<string, number>();
  if (quorum === undefined || quorum.node.leaderId !== quorum.node.options.nodeId) return lag;
  const { endOffset } = quorum.node.log;
  for (const { id, logEndOffset } of quorum.describe().voters)
    if (id !== quorum.node.options.nodeId) lag.set(String(id), endOffset - Math.max(0, logEndOffset));
  return lag;
}

export function gaugeController(metrics: Metrics, controller: Controller): void {
  const count = (of: (image: MetadataImage) => number) => () => of(controller.image);
  metrics.gauge('millrace_active_controller', () => Number(controller.isActive));
  metrics.gauge(
    'millrace_registered_brokers',
    count((image) => image.brokers.size),
  );
  metrics.gauge(
    'millrace_fenced_brokers',
    count((image) => image.sortedBrokers().filter(({ fenced }) => fenced).length),
  );
  metrics.gauge(
    'millrace_topics',
    count((image) => image.topicCount),
  );
  metrics.gauge('millrace_partitions', () => partitions(controller.image).count);
  metrics.gauge('millrace_offline_partitions', () => partitions(controller.image).leaderless);
}

function partitions(image: MetadataImage): { count: number; leaderless: number } {
  let [count, leaderless] = [0, 0];
  for (const name of image.topicNames)
    for (const partition of image.topic(name)!.partitions) {
      count++;
      if (partition.leader === -1) leaderless++;
    }
  return { count, leaderless };
}
