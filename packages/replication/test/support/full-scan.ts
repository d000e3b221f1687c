/**
 * Compares each incremental fetch with a full scan of its session. Checks that a visit of a skipped partition
 * would add nothing, and that the leader visits partitions in the order of the session.
 */
import { ErrorCode } from '@millrace/protocol';
import { vi } from 'vitest';
import { Partition } from '../../src/partition/partition.ts';
import { inspect, type Reader, visibleEnd } from '../../src/serving/fetch-read.ts';
import { FetchOperation } from '../../src/serving/fetch-service.ts';
import type { SessionPartition } from '../../src/serving/session-partition.ts';

export interface FullScan {
  readonly faults: string[];
  /** The number of partitions that the leaders skipped. */
  skipped: number;
}

/** Starts the comparison. `vi.restoreAllMocks` ends it. */
export function compareWithFullScan(): FullScan {
  const scan: FullScan = { faults: [], skipped: 0 };
  const { wanted } = FetchOperation.prototype;
  vi.spyOn(FetchOperation.prototype, 'wanted').mockImplementation(function (this: FetchOperation) {
    const visited = wanted.call(this);
    const { session, isIncremental } = this.opened;
    if (session === undefined || !isIncremental) return visited;
    const touched = new Set(visited);
    const inOrder = [...session.partitions.values()].filter((item) => touched.has(item));
    if (inOrder.some((item, place) => item !== visited[place])) scan.faults.push('another order');
    for (const item of session.partitions.values()) {
      if (touched.has(item)) continue;
      scan.skipped++;
      const found = this.service.find(this, item);
      const fault = found instanceof Partition ? missedBy(item, found, this.reader) : 'not hosted';
      if (fault !== undefined) scan.faults.push(`reader ${this.reader.replicaId}: ${fault}`);
    }
    return visited;
  });
  return scan;
}

/** Returns what a visit of the partition would add, or undefined if it would add nothing. */
function missedBy(item: SessionPartition, partition: Partition, reader: Reader): string | undefined {
  const inspected = inspect(partition, item, reader);
  if (inspected !== ErrorCode.NONE) return `outcome ${JSON.stringify(inspected)}`;
  if (item.fetchOffset < visibleEnd(partition, reader)) return 'records';
  if (item.toldHighWatermark !== partition.highWatermark) return 'a high watermark';
  if (item.toldLogStart !== partition.log.startOffset) return 'a log start';
  if (!reader.isFollower) return undefined;
  if (!partition.isr.includes(reader.replicaId)) return 'a candidate for the ISR';
  const remote = partition.leadership?.remotes.get(reader.replicaId);
  if (remote?.logEndOffset !== item.fetchOffset) return 'a report of a log end';
  if (remote.logStartOffset !== item.logStartOffset) return 'a report of a log start';
  return remote.brokerEpoch === reader.replicaEpoch ? undefined : 'a report of a broker epoch';
}
