/**
 * Fetches batches of a topic by its name, like a consumer without a group, and iterates over the batches of
 * an answer.
 */
import type { KafkaClient } from '@millrace/client/io';
import { apis, BATCH_HEADER_BYTES, type BatchHeader, readBatchHeader } from '@millrace/protocol';

const FETCH_BYTES = 32 << 20;
/** The last version in which a request identifies topics by name. */
const FETCH_VERSION = 12;

export interface FetchedPart {
  readonly errorCode: number;
  readonly highWatermark: number;
  readonly logStartOffset: number;
  /** Whole batches, perhaps followed by the beginning of another one. */
  readonly records: Uint8Array;
}

/** One fetch of one partition. Does not wait for records. */
export async function fetchFrom(
  client: KafkaClient,
  topic: string,
  partition: number,
  fetchOffset: number,
): Promise<FetchedPart> {
  const request = {
    replicaId: -1,
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: FETCH_BYTES,
    sessionEpoch: -1,
    topics: [{ topic, partitions: [{ partition, fetchOffset, partitionMaxBytes: FETCH_BYTES }] }],
  };
  const answer = await client.call(apis.fetch, request, { version: FETCH_VERSION });
  const found = answer.responses[0]?.partitions[0];
  if (found === undefined) throw new Error(`the answer to a fetch of ${topic}-${partition} lacks it`);
  const { errorCode, highWatermark, logStartOffset } = found;
  const records = (found.records as Uint8Array | null | undefined) ?? new Uint8Array();
  return { errorCode, highWatermark, logStartOffset, records };
}

export interface WholeBatch {
  readonly header: BatchHeader;
  readonly bytes: Uint8Array;
}

/** Yields the whole batches. Leaves out the last batch if the answer has only its beginning. */
export function* wholeBatches(records: Uint8Array): Generator<WholeBatch> {
  for (let at = 0; records.length - at >= BATCH_HEADER_BYTES; ) {
    const header = readBatchHeader(records, at);
    if (header.sizeBytes > records.length - at) return;
    yield { header, bytes: records.subarray(at, at + header.sizeBytes) };
    at += header.sizeBytes;
  }
}
