/**
 * Requests of the measurements to a single broker: raw Produce requests with batches that are built in
 * advance, altered topic configs, and the wait until the broker serves every partition of a topic.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaClient } from '@millrace/client/io';
import { apis, buildBatch, type NewRecord } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import { ask, connect } from '../lib/wire.ts';

const TIMEOUT_MS = 60_000;
const LATEST = -1;
/** The last version of Produce in which a request identifies topics by name. */
const PRODUCE_VERSION = 12;
const POLL_MS = 5;

/** The records of one request: a batch for each partition. */
export type PartitionBatches = readonly { readonly index: number; readonly records: Uint8Array }[];

/** An uncompressed batch with the present time. */
export function batchOf(records: readonly NewRecord[]): Uint8Array {
  return buildBatch({ baseTimestamp: Date.now(), codecs: compressionCodecs, records });
}

/** One Produce request with acks=all. Throws if the broker refuses a batch. */
export async function produce(
  client: KafkaClient,
  topic: string,
  partitionData: PartitionBatches,
): Promise<void> {
  const request = { acks: -1, timeoutMs: TIMEOUT_MS, topicData: [{ name: topic, partitionData }] };
  const answer = await client.call(apis.produce, request, { version: PRODUCE_VERSION });
  for (const { index, errorCode, errorMessage } of answer.responses[0]?.partitionResponses ?? [])
    if (errorCode !== 0) throw new Error(`${topic}-${index} refused a batch: ${errorCode} ${errorMessage}`);
}

/** Sends the batches to partition 0, in order, with up to `inFlight` requests under way. */
export async function fill(
  server: string,
  topic: string,
  batches: Iterable<Uint8Array>,
  inFlight = 4,
): Promise<void> {
  const client = await connect(server, TIMEOUT_MS);
  const sent: Promise<void>[] = [];
  try {
    for (const records of batches) {
      sent.push(produce(client, topic, [{ index: 0, records }]));
      if (sent.length >= inFlight) await sent.shift();
    }
    await Promise.all(sent);
  } finally {
    await Promise.allSettled(sent);
    client.close();
  }
}

/** Waits until the broker names the end offset of each partition of the topic. Returns the sum of them. */
export async function untilServed(server: string, topic: string, partitions: number): Promise<number> {
  const asked = Array.from({ length: partitions }, (_unused, partitionIndex) => {
    return { partitionIndex, timestamp: LATEST };
  });
  const deadline = performance.now() + TIMEOUT_MS;
  for (;;) {
    const ends = await ask(server, async (client) => {
      const topics = [{ name: topic, partitions: asked }];
      const answer = await client.call(apis.listOffsets, { replicaId: -1, topics });
      return answer.topics[0]?.partitions ?? [];
    }).catch(() => []);
    if (ends.length === partitions && ends.every(({ errorCode }) => errorCode === 0))
      return ends.reduce((sum, { offset }) => sum + offset, 0);
    if (performance.now() > deadline)
      throw new Error(`${server} does not serve ${partitions} partitions within ${TIMEOUT_MS} ms`);
    await sleep(POLL_MS);
  }
}
