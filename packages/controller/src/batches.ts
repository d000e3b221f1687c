/**
 * Cuts the records of a decision into batches of the quorum's log. The quorum never splits a batch. A batch
 * must fit into one message of the quorum, and must arrive within a fetch timeout. Otherwise no follower gets
 * it, and the quorum never commits anything again.
 *
 * A batch is committed as a whole or not at all, but a controller may be deposed between two batches. So a
 * cut must leave a valid state: a new topic stays with its partitions and settings, partitions added to one
 * topic stay together, the altered configs of one resource stay together, and every other record stands
 * alone. If the records after a cut are lost, the next controller completes a fencing or unfencing
 * (fencing.ts says how).
 */
import { encodeRecord, type MetadataRecord } from '@millrace/metadata';

/**
 * The most new partitions in a batch, unless one topic alone has more. A broker creates the folders of a
 * batch in one turn of its event loop.
 */
const BATCH_PARTITIONS = 50;
/** The controller refuses a request if records that must stay together are larger than this. */
export const BATCH_BYTES_MAX = 4 << 20;

export interface ProposedBatch {
  readonly records: MetadataRecord[];
  readonly encoded: Uint8Array[];
}

export interface ProposedBatches {
  readonly batches: readonly ProposedBatch[];
  readonly bytes: number;
}

/**
 * Cuts the records into batches, and keeps their order. A batch has at most `batchBytes` bytes and
 * BATCH_PARTITIONS new partitions, unless records that must stay together are larger. Returns undefined if
 * such records are larger than BATCH_BYTES_MAX.
 */
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

/**
 * Whether `next` must be in the batch of `first`: a topic stays with its partitions and settings; partitions
 * added to one topic stay together; the altered configs of one resource stay together, after the record that
 * names the request.
 */
function staysWith(next: MetadataRecord, first: MetadataRecord): boolean {
  if (next.type === 'partition')
    return (first.type === 'topic' || first.type === 'partition') && next.topicId === first.topicId;
  if (next.type !== 'config') return false;
  if (first.type === 'topic') return next.resourceType === 'topic' && next.resourceName === first.name;
  const isConfig = first.type === 'alterConfigs' || first.type === 'config';
  return isConfig && next.resourceType === first.resourceType && next.resourceName === first.resourceName;
}
