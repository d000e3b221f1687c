/**
 * What a decision writes, cut into batches of the quorum's log. A batch is never split afterwards: it travels
 * whole, so it must be smaller than a message and must arrive within a fetch timeout, or no follower gets it
 * and nothing is ever committed again.
 *
 * A batch is all or nothing, several are not: a controller may be deposed between two of them. So a cut is
 * made only where both sides make sense: a new topic stays with its partitions and settings, and every other
 * record stands alone. What is lost behind a cut is made up for by the next controller (brokers.ts says how).
 */
import { encodeRecord, type MetadataRecord } from '@millrace/metadata';

/** So many new partitions close a batch as well: a broker makes the folders of a batch in one turn. */
const BATCH_PARTITIONS = 50;
/** What cannot be cut is refused above this. */
export const BATCH_BYTES_MAX = 4 << 20;

export interface ProposedBatch {
  readonly records: MetadataRecord[];
  readonly encoded: Uint8Array[];
}

export interface ProposedBatches {
  readonly batches: readonly ProposedBatch[];
  readonly bytes: number;
}

/** In the order of the records. Undefined: a part of them that stays together is too large for a batch. */
export function batchesOf(
  records: readonly MetadataRecord[],
  batchBytes: number,
): ProposedBatches | undefined {
  const batches: ProposedBatch[] = [];
  let open: ProposedBatch = { records: [], encoded: [] };
  let openBytes = 0;
  let openPartitions = 0;
  let bytes = 0;
  for (let index = 0; index < records.length; ) {
    const part: ProposedBatch = { records: [], encoded: [] };
    let partBytes = 0;
    do {
      const record = records[index++]!;
      const encoded = encodeRecord(record);
      part.records.push(record);
      part.encoded.push(encoded);
      partBytes += encoded.length;
    } while (index < records.length && staysWith(records[index]!, part.records[0]!));
    if (partBytes > BATCH_BYTES_MAX) return undefined;
    const partPartitions = part.records.filter(({ type }) => type === 'partition').length;
    const isFull = openBytes + partBytes > batchBytes || openPartitions + partPartitions > BATCH_PARTITIONS;
    if (openBytes > 0 && isFull) {
      batches.push(open);
      open = { records: [], encoded: [] };
      openBytes = 0;
      openPartitions = 0;
    }
    for (const record of part.records) open.records.push(record);
    for (const encoded of part.encoded) open.encoded.push(encoded);
    openBytes += partBytes;
    openPartitions += partPartitions;
    bytes += partBytes;
  }
  if (open.records.length > 0) batches.push(open);
  return { batches, bytes };
}

/** A topic's partitions and settings follow it; partitions that are added to one topic stay together. */
function staysWith(next: MetadataRecord, first: MetadataRecord): boolean {
  if (next.type === 'partition')
    return (first.type === 'topic' || first.type === 'partition') && next.topicId === first.topicId;
  return next.type === 'config' && first.type === 'topic' && next.resourceName === first.name;
}
