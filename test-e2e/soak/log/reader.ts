/**
 * Reads whole logs. The cleaner and retention may change a log during a pass over it. So a reader repeats the
 * pass until two successive passes find the same. Then the log had this content at the moment between the two
 * passes.
 */
import type { KafkaClient } from '@millrace/client/io';
import { apis, ErrorCode, errorName, readRecords } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import { fetchFrom, wholeBatches } from '../../lib/fetch.ts';
import { connect } from '../../lib/wire.ts';
import type { LogRead, ReadRecord } from './judge.ts';
import { ID_HEADER } from './source.ts';
import { nameOf, type TrialPartition } from './topics.ts';

const EARLIEST = -2;
const STEADY_LIMIT_MS = 20_000;
const decoder = new TextDecoder();

export async function readLog(server: string, partition: TrialPartition): Promise<LogRead> {
  const client = await connect(server);
  try {
    const deadline = performance.now() + STEADY_LIMIT_MS;
    let before = await readOnce(client, partition, deadline);
    while (performance.now() < deadline) {
      const read = await readOnce(client, partition, deadline);
      if (isSame(before, read)) return { ...read, startedMs: before.startedMs };
      before = read;
    }
  } finally {
    client.close();
  }
  throw new Error(`${nameOf(partition)} changed between all reads of ${STEADY_LIMIT_MS} ms`);
}

function isSame(a: LogRead, b: LogRead): boolean {
  if (a.startOffset !== b.startOffset || a.endOffset !== b.endOffset) return false;
  if (a.sizeBytes !== b.sizeBytes || a.records.length !== b.records.length) return false;
  return a.records.every(({ offset }, index) => offset === b.records[index]!.offset);
}

/** One pass. Begins again if the log start offset moves during the pass. */
async function readOnce(client: KafkaClient, partition: TrialPartition, deadline: number): Promise<LogRead> {
  while (performance.now() < deadline) {
    const startedMs = Date.now();
    const read = await tryRead(client, partition);
    if (read !== undefined) return { ...read, startedMs, endedMs: Date.now() };
  }
  throw new Error(`${nameOf(partition)}: retention overtook every read of ${STEADY_LIMIT_MS} ms`);
}

type Content = Omit<LogRead, 'startedMs' | 'endedMs'>;

async function tryRead(client: KafkaClient, partition: TrialPartition): Promise<Content | undefined> {
  const startOffset = await earliest(client, partition);
  const records: ReadRecord[] = [];
  let sizeBytes = 0;
  for (let next = startOffset; ; ) {
    const answer = await fetchFrom(client, partition.topic.name, partition.index, next);
    if (answer.errorCode === ErrorCode.OFFSET_OUT_OF_RANGE && answer.logStartOffset !== startOffset)
      return undefined;
    if (answer.errorCode !== 0)
      throw new Error(`${nameOf(partition)} at ${next}: ${errorName(answer.errorCode)}`);
    if (answer.logStartOffset !== startOffset) return undefined;
    if (next >= answer.highWatermark)
      return { startOffset, endOffset: answer.highWatermark, sizeBytes, records };
    const before = next;
    for (const { header, bytes } of wholeBatches(answer.records)) {
      for (const record of readRecords(bytes, compressionCodecs)) {
        if (record.offset < next) continue;
        const { offset, timestamp, key, value, headers } = record;
        const id = headers.find((header) => header.key === ID_HEADER)?.value;
        records.push({
          offset,
          id: decoder.decode(id ?? new Uint8Array()),
          key: decoder.decode(key ?? new Uint8Array()),
          value: value === null ? null : decoder.decode(value),
          timestamp: Number(timestamp),
        });
      }
      sizeBytes += header.sizeBytes;
      next = header.lastOffset + 1;
    }
    if (next === before)
      throw new Error(`${nameOf(partition)}: nothing is at ${next} below ${answer.highWatermark}`);
  }
}

async function earliest(client: KafkaClient, { topic, index }: TrialPartition): Promise<number> {
  const topics = [{ name: topic.name, partitions: [{ partitionIndex: index, timestamp: EARLIEST }] }];
  const answer = await client.call(apis.listOffsets, { replicaId: -1, topics });
  const found = answer.topics[0]?.partitions[0];
  if (found?.errorCode !== 0) throw new Error(`${topic.name}-${index}: ${errorName(found?.errorCode ?? -1)}`);
  return found.offset;
}
