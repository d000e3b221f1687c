/** Requests about topics with one partition, on one node. */
import { apis, errorName } from '@millrace/protocol';
import { fetchFrom, wholeBatches } from '../lib/fetch.ts';
import { ask } from '../lib/wire.ts';

const EARLIEST = -2;
const TIMEOUT_MS = 10_000;

/**
 * The offset that ListOffsets returns. `what` is `earliest` for the log start offset, or a timestamp for the
 * first record that is not older.
 */
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
      const { records } = await fetchFrom(client, topic, 0, next);
      const batches = [...wholeBatches(records)];
      if (batches.length === 0) throw new Error(`${topic}: nothing is at ${next}`);
      for (const { bytes } of batches) parts.push(bytes);
      next = batches.at(-1)!.header.lastOffset + 1;
    }
    return new Uint8Array(Buffer.concat(parts));
  });
}
