/** Requests about topics with one partition, on one node. */
import { apis, BATCH_HEADER_BYTES, errorName, readBatchHeader } from '@millrace/protocol';
import { ask } from '../lib/wire.ts';

const EARLIEST = -2;
const FETCH_BYTES = 16 << 20;
/** Fetch with the topic's name. */
const FETCH_VERSION = 12;
const TIMEOUT_MS = 10_000;

/** The first offset of the log, or of a record that is not older than a timestamp. */
export async function offsetOf(server: string, topic: string, what: number | 'earliest'): Promise<number> {
  const timestamp = what === 'earliest' ? EARLIEST : what;
  return await ask(server, async (client) => {
    const topics = [{ name: topic, partitions: [{ partitionIndex: 0, timestamp }] }];
    const answer = await client.call(apis.listOffsets, { replicaId: -1, topics });
    return answer.topics[0]?.partitions[0]?.offset ?? -1;
  });
}

/** Deletes the records below the offset. */
export async function deleteRecords(server: string, name: string, offset: number): Promise<void> {
  await ask(server, async (client) => {
    const topics = [{ name, partitions: [{ partitionIndex: 0, offset }] }];
    const answer = await client.call(apis.deleteRecords, { topics, timeoutMs: TIMEOUT_MS });
    const errorCode = answer.topics[0]?.partitions[0]?.errorCode ?? -1;
    if (errorCode !== 0) throw new Error(`${name}: ${errorName(errorCode)}`);
  });
}

/** The batches from one offset to another, as the log has them. */
export async function rawBatches(
  server: string,
  topic: string,
  from: number,
  to: number,
): Promise<Uint8Array> {
  return await ask(server, async (client) => {
    const parts: Uint8Array[] = [];
    for (let next = from; next < to; ) {
      const partitions = [{ partition: 0, fetchOffset: next, partitionMaxBytes: FETCH_BYTES }];
      const request = {
        replicaId: -1,
        maxWaitMs: 0,
        minBytes: 0,
        maxBytes: FETCH_BYTES,
        sessionEpoch: -1,
        topics: [{ topic, partitions }],
      };
      const answer = await client.call(apis.fetch, request, { version: FETCH_VERSION });
      const bytes = answer.responses[0]?.partitions[0]?.records as Uint8Array | null | undefined;
      if (bytes == null || bytes.length === 0) throw new Error(`${topic}: nothing is at ${next}`);
      const whole = wholeBatches(bytes);
      parts.push(whole.bytes);
      next = whole.endOffset;
    }
    return new Uint8Array(Buffer.concat(parts));
  });
}

/** Without the last batch, if the answer cut it. */
function wholeBatches(bytes: Uint8Array): { readonly bytes: Uint8Array; readonly endOffset: number } {
  let at = 0;
  let endOffset = -1;
  while (bytes.length - at >= BATCH_HEADER_BYTES) {
    const { sizeBytes, lastOffset } = readBatchHeader(bytes, at);
    if (at + sizeBytes > bytes.length) break;
    at += sizeBytes;
    endOffset = lastOffset + 1;
  }
  return { bytes: bytes.subarray(0, at), endOffset };
}
