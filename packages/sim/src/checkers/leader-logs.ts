/** Reads the final logs of a run from the leaders, with the product's own code, and decodes them. */
import type { FinalBatch, FinalLog, SeenRecord } from '@millrace/checkers';
import { NO_TIMESTAMP, readRecords, type Timestamp } from '@millrace/protocol';
import type { SimCluster } from '../cluster/index.ts';
import type { Ledger } from './ledger.ts';
import { readBatches } from './log-reading.ts';

/**
 * The logs of all leaders, up to their ends. Leaves out partitions without a running leader. A log that the
 * leader cannot read is empty.
 */
export function readLeaderLogs(cluster: SimCluster, ledger: Ledger): FinalLog[] {
  const logs: FinalLog[] = [];
  for (const { topicId, topic, partition, image } of cluster.partitions()) {
    const leader = cluster.node(image.leader);
    const replica = leader === undefined ? undefined : cluster.replica(leader, topicId, partition);
    const broker = leader?.roles?.broker;
    if (leader === undefined || replica === undefined || broker === undefined) continue;
    const { log } = replica;
    const records: SeenRecord[] = [];
    const batches: FinalBatch[] = [];
    for (const { header, bytes } of readBatches(leader, log, log.startOffset, log.endOffset) ?? []) {
      let largestTimestamp: Timestamp = NO_TIMESTAMP;
      for (const { offset, value, timestamp } of readRecords(bytes, broker.replicas.options.codecs)) {
        records.push({ offset, value: sentValue(value), leaderEpoch: header.leaderEpoch });
        if (timestamp > largestTimestamp) largestTimestamp = timestamp;
      }
      batches.push({ header, largestTimestamp });
    }
    const { startOffset } = log;
    const { starts } = ledger.of(replica);
    logs.push({ topic, topicId, partition, startOffset, starts, batches, records });
  }
  return logs;
}

/** The value without the padding after the first space. */
function sentValue(bytes: Uint8Array | null): string {
  const text = bytes === null ? '' : TEXT.decode(bytes);
  const space = text.indexOf(' ');
  return space < 0 ? text : text.slice(0, space);
}

const TEXT = new TextDecoder();
