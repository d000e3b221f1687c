/**
 * At the end of a run, reads the log of each partition from its leader with the product's own code, and
 * decodes it.
 */
import {
  type CommittedPart,
  type FinalBatch,
  type FinalLog,
  OFFSETS_TOPIC,
  type SeenRecord,
} from '@millrace/checkers';
import { type CompressionCodecs, NO_TIMESTAMP, readRecords, type Timestamp } from '@millrace/protocol';
import { seenRecord } from '../clients/index.ts';
import type { SimCluster } from '../cluster/index.ts';
import type { KeyedRecords } from './keyed-records.ts';
import type { Ledger, PartitionLedger } from './ledger.ts';
import { type LogBatch, readBatches } from './log-reading.ts';

/**
 * Returns the log of each partition that has a running leader, up to the leader's log end offset. If the
 * leader cannot read its log, the result has no batches for this partition.
 */
export function readLeaderLogs(cluster: SimCluster, ledger: Ledger, keyed: KeyedRecords): FinalLog[] {
  const logs: FinalLog[] = [];
  for (const { topicId, topic, partition, image } of cluster.partitions()) {
    const leader = cluster.node(image.leader);
    const replica = leader === undefined ? undefined : cluster.replica(leader, topicId, partition);
    const broker = leader?.roles?.broker;
    if (leader === undefined || replica === undefined || broker === undefined) continue;
    const { log } = replica;
    const { codecs } = broker.replicas.options;
    const known = ledger.of(replica);
    // The checkers of a history excuse a missing record below this start. So it must be one that the checker
    // `expired-too-early` has accepted.
    const startOffset = Math.min(log.startOffset, known.startOffset);
    const starts = known.starts.filter(({ offset }) => offset <= known.startOffset);
    const stored = readBatches(leader, log, log.startOffset, log.endOffset) ?? [];
    const first = stored[0]?.header.baseOffset ?? Number.POSITIVE_INFINITY;
    const isPast = ({ header }: LogBatch) => header.baseOffset < first;
    const content = contentOf(stored, codecs, known);
    const past = contentOf(known.batches.filter(isPast), codecs, known);
    // No client of the history reads or writes the records of an internal topic.
    const mayHaveGaps = log.mayHaveGaps || known.mayBeCompacted;
    const committed =
      mayHaveGaps && topic !== OFFSETS_TOPIC ? { committed: committedPart(known, codecs, keyed) } : {};
    logs.push({
      topic,
      topicId,
      partition,
      startOffset,
      starts,
      mayHaveGaps,
      past,
      ...committed,
      ...content,
    });
  }
  return logs;
}

function committedPart(
  known: PartitionLedger,
  codecs: CompressionCodecs,
  keyed: KeyedRecords,
): CommittedPart {
  return {
    ...contentOf(known.batches, codecs, known),
    committedUs: (offset) => keyed.committedUs(known, offset),
    mayDropTombstone: (offset, byUs) => keyed.mayBeDropped(known, offset, Math.min(byUs, keyed.nowUs)),
  };
}

function contentOf(
  list: readonly LogBatch[],
  codecs: CompressionCodecs,
  ledger: PartitionLedger,
): { readonly batches: FinalBatch[]; readonly records: SeenRecord[] } {
  const records: SeenRecord[] = [];
  const batches: FinalBatch[] = [];
  for (const batch of list) {
    let largestTimestamp: Timestamp = NO_TIMESTAMP;
    for (const { record, timestamp } of recordsIn(batch, codecs)) {
      records.push(record);
      if (timestamp > largestTimestamp) largestTimestamp = timestamp;
    }
    const { header } = batch;
    batches.push({ header, largestTimestamp, appendedAbove: ledger.startAtAppend(header) });
  }
  return { batches, records };
}

function recordsIn(
  { header, bytes }: LogBatch,
  codecs: CompressionCodecs,
): { readonly record: SeenRecord; readonly timestamp: Timestamp }[] {
  const { leaderEpoch } = header;
  return [...readRecords(bytes, codecs)].map((record) => ({
    record: seenRecord(record, leaderEpoch),
    timestamp: record.timestamp,
  }));
}
