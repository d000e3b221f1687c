/**
 * Builds request frames by hand. No client library sends them: they have sizes, int64s and counts that
 * Millrace's own encoder refuses to write.
 */
import { apis, encodeRequestFrame } from '@millrace/protocol';

const CLIENT = 'hostile';
/** Any correlation id works, because each connection has one request at a time. */
const CORRELATION = 7;

function int8(value: number): Buffer {
  return Buffer.from([value & 0xff]);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value | 0);
  return bytes;
}

function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
}

function text(value: string): Buffer {
  return Buffer.concat([int16(Buffer.byteLength(value)), Buffer.from(value)]);
}

/** The length of a compact string or array: an unsigned varint with the length plus one. */
function compact(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value + 1;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return Buffer.from([...bytes, rest]);
}

const NO_TAGS = int8(0);

function frame(apiKey: number, version: number, isFlexible: boolean, ...body: Buffer[]): Buffer {
  const header = [int16(apiKey), int16(version), int32(CORRELATION), text(CLIENT)];
  const content = Buffer.concat([...header, ...(isFlexible ? [NO_TAGS] : []), ...body]);
  return Buffer.concat([int32(content.length), content]);
}

/**
 * A Produce request with acks=all in version 7. This is the first version that allows zstd, and the last one
 * whose answer is easy to read.
 */
export function produceFrame(topic: string, partition: number, batch: Buffer): Buffer {
  const partitions = [int32(1), int32(partition), int32(batch.length), batch];
  return frame(0, 7, false, int16(-1), int16(-1), int32(15_000), int32(1), text(topic), ...partitions);
}

/** The error code of a Produce 7 answer for one partition of this topic. */
export function produceError(answer: Uint8Array, topic: string): number {
  const at = 4 + 4 + 2 + Buffer.byteLength(topic) + 4 + 4;
  return Buffer.from(answer.buffer, answer.byteOffset, answer.length).readInt16BE(at);
}

/** A Fetch request in version 12 that names one idle partition this many times. Each time takes 33 bytes. */
export function duplicatesFrame(topic: string, partition: number, times: number, maxWaitMs: number): Buffer {
  const one = Buffer.concat([
    int32(partition),
    int32(-1), // leader epoch
    int64(0n), // fetch offset
    int32(-1), // last fetched epoch
    int64(-1n), // log start offset
    int32(1 << 20),
    NO_TAGS,
  ]);
  const wants = [int32(-1), int32(maxWaitMs), int32(1), int32(50 << 20), int8(0), int32(0), int32(-1)];
  const partitions = [compact(times), Buffer.alloc(one.length * times, one), NO_TAGS];
  const topics = [compact(1), compact(topic.length), Buffer.from(topic), ...partitions];
  return frame(1, 12, true, ...wants, ...topics, compact(0), compact(0), NO_TAGS);
}

/** A ListOffsets request in version 7 for the offset of this timestamp, which may be any int64. */
export function lookupFrame(topic: string, partition: number, timestamp: bigint): Buffer {
  const wanted = [compact(1), int32(partition), int32(-1), int64(timestamp), NO_TAGS];
  const topics = [compact(1), compact(topic.length), Buffer.from(topic), ...wanted, NO_TAGS];
  return frame(2, 7, true, int32(-1), int8(0), ...topics, NO_TAGS);
}

/**
 * Whole requests of several APIs, for hostile-cuts.ts to cut. If they were sent whole, only Produce and
 * InitProducerId would change something.
 */
export function sampleFrames(topic: string, batch: Buffer): Map<string, Buffer> {
  const of = (parts: Uint8Array[]) => Buffer.concat(parts);
  const topics = [
    { name: `${topic}-2`, numPartitions: 3, replicationFactor: 3, assignments: [], configs: [] },
  ];
  return new Map([
    [
      'ApiVersions',
      of(
        encodeRequestFrame(apis.apiVersions, 3, CORRELATION, CLIENT, {
          clientSoftwareName: CLIENT,
          clientSoftwareVersion: '1',
        }),
      ),
    ],
    [
      'Metadata',
      of(encodeRequestFrame(apis.metadata, 9, CORRELATION, CLIENT, { topics: [{ name: topic }] })),
    ],
    ['Produce', produceFrame(topic, 0, batch)],
    ['Fetch', duplicatesFrame(topic, 0, 2, 100)],
    ['ListOffsets', lookupFrame(topic, 0, -3n)],
    [
      'CreateTopics',
      of(
        encodeRequestFrame(apis.createTopics, 4, CORRELATION, CLIENT, {
          topics,
          timeoutMs: 1000,
          validateOnly: true,
        }),
      ),
    ],
    [
      'DescribeConfigs',
      of(
        encodeRequestFrame(apis.describeConfigs, 1, CORRELATION, CLIENT, {
          resources: [{ resourceType: 2, resourceName: topic, configurationKeys: null }],
        }),
      ),
    ],
    [
      'InitProducerId',
      of(
        encodeRequestFrame(apis.initProducerId, 1, CORRELATION, CLIENT, {
          transactionalId: null,
          transactionTimeoutMs: 60_000,
        }),
      ),
    ],
  ]);
}
