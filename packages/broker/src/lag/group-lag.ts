/**
 * The metric `millrace_group_lag`: how far the groups that this broker coordinates are behind. Computes
 * nothing until a scrape asks.
 */
import { type GroupCoordinator, type GroupPosition, groupPositions } from '@millrace/coordinator';
import type { LabelledValue, Metrics } from '@millrace/metrics';
import { type EndOffsetsPorts, type EndWanted, endKey, endOffsets } from './end-offsets.ts';

interface GroupLagPorts extends EndOffsetsPorts {
  readonly groups: Pick<GroupCoordinator, 'runtime'>;
  /** `metrics.group.lag.max.series` */
  readonly seriesMax: number;
}

type Lag = LabelledValue<readonly [group: string, topic: string, partition: string]>;

export class GroupLag {
  private readonly ports: GroupLagPorts;
  private lags: readonly Lag[] = [];
  private omitted = 0;
  /** The scrapes that wait for the reading under way. */
  private waiting: (() => void)[] = [];

  constructor(ports: GroupLagPorts, metrics: Metrics) {
    this.ports = ports;
    metrics.gauge('millrace_group_lag', () => this.lags);
    metrics.gauge('millrace_group_lag_omitted', () => this.omitted);
    metrics.beforeScrape('millrace_group_lag', (done) => this.read(done));
  }

  /** Reads the lags, then calls `done`. Scrapes at the same time share one reading. */
  private read(done: () => void): void {
    this.waiting.push(done);
    if (this.waiting.length > 1) return;
    try {
      this.begin();
    } catch (error) {
      // `begin` has failed, so nobody will call the waiting scrapes. If they stayed in the list, no later
      // reading would begin.
      this.waiting = [];
      throw error;
    }
  }

  private begin(): void {
    const { groups, seriesMax } = this.ports;
    const { positions, omitted } = groupPositions(groups.runtime, this.ports.image(), seriesMax);
    const wanted = new Map<string, EndWanted>(positions.map((position) => [endKey(position), position]));
    endOffsets(this.ports, wanted.values(), (ends) => {
      this.omitted = omitted;
      this.lags = positions.flatMap((position) => {
        const end = ends.get(endKey(position));
        return end === undefined ? [] : [lagOf(position, end)];
      });
      for (const one of this.waiting.splice(0)) one();
    });
  }
}

/** The lag is 0 if a new leader's high watermark is still below the offset that the group has committed. */
function lagOf({ groupId, topic, partition, offset }: GroupPosition, end: number): Lag {
  return { labels: [groupId, topic, String(partition)], value: Math.max(0, end - offset) };
}
