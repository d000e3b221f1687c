/**
 * A benchmark, not a test (`npm run bench:check`). It measures how many CPU milliseconds the door (the checks
 * of a client's batch) needs for one megabyte of records; this is the size before compression. Only the first
 * line of the output has a target: checking uncompressed records of 1 KB takes less than 0.15 ms a MB,
 * without the checksum.
 */
import {
  BatchHeader,
  buildBatch,
  Compression,
  checkBatchCrc,
  checkRecords,
  RECORDS_WORK_MAX,
  type RecordRules,
  readBatchHeader,
} from '@millrace/protocol';
import { checkRecordsStreaming, compressionCodecs as codecs } from '@millrace/protocol/io';
import { hollowPayloads } from './hollow.ts';

const MEGABYTE = 1e6;
const TARGET_MS = 0.15;
const NOW = 1_700_000_000_000;
const RULES: RecordRules = {
  topicPartition: 'bench-0',
  keyRequired: true,
  timestampType: 'CreateTime',
  nowMs: NOW,
  timestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
  timestampAfterMaxMs: 3_600_000,
};
const CODECS = Object.entries(Compression) as [string, Compression][];

interface Sample {
  readonly batch: Uint8Array;
  /** Size of the records before compression. */
  readonly plainBytes: number;
  readonly count: number;
}

function sample(valueBytes: number, compression: Compression): Sample {
  const count = Math.floor(MEGABYTE / (valueBytes + 12));
  const records = Array.from({ length: count }, (_, i) => ({
    key: new Uint8Array([i >> 8, i]),
    value: text(valueBytes, i),
    timestamp: NOW + i,
  }));
  const build = (codec: Compression) =>
    buildBatch({ records, baseTimestamp: NOW, compression: codec, codecs });
  return { batch: build(compression), plainBytes: build(Compression.NONE).length, count };
}

/** Text that compresses about as well as JSON. */
function text(length: number, seed: number): Uint8Array {
  const words = ['"user":', '"order":', '{"at":', 'true,', 'null}', '"name"'];
  let line = '';
  for (let i = seed; line.length < length; i++)
    line += words[(i * 7 + (i >> 3)) % 6]! + ((i * 2654435761) >>> 12);
  return new TextEncoder().encode(line.slice(0, length));
}

/**
 * CPU milliseconds of one call of `work`: the best of twelve rounds, because other processes disturb some
 * rounds.
 */
async function cpuMs(work: () => unknown, timesMax = 20): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 12; round++) {
    const times = round === 0 ? 1 : timesMax;
    const before = process.cpuUsage();
    for (let i = 0; i < times; i++) await work();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1000 / times);
  }
  return best;
}

const header = new BatchHeader();
function checkOf({ batch }: Sample): void {
  readBatchHeader(batch, 0, header);
  if (checkRecords(batch, header, RULES, codecs, RECORDS_WORK_MAX)?.ok !== true) throw new Error('refused');
}

console.log('CPU ms a MB          checksum     records   ns a record');
let isMet = false;
for (const valueBytes of [1000, 100, 10]) {
  const one = sample(valueBytes, Compression.NONE);
  const scale = MEGABYTE / one.plainBytes;
  const crc = (await cpuMs(() => checkBatchCrc(one.batch, 0, one.batch.length))) * scale;
  const records = (await cpuMs(() => checkOf(one))) * scale;
  if (valueBytes === 1000) isMet = records < TARGET_MS;
  row(`none, ${valueBytes} B`, crc.toFixed(3), records, one, scale);
}
for (const [name, compression] of CODECS.filter(([, codec]) => codec !== Compression.NONE)) {
  for (const valueBytes of [1000, 100, 10]) {
    const one = sample(valueBytes, compression);
    const scale = MEGABYTE / one.plainBytes;
    row(`${name.toLowerCase()}, ${valueBytes} B`, '', (await cpuMs(() => checkOf(one))) * scale, one, scale);
    const streaming = await cpuMs(async () => {
      readBatchHeader(one.batch, 0, header);
      const verdict = await checkRecordsStreaming(one.batch, header, RULES);
      if (!verdict.ok) throw new Error(verdict.message);
    });
    row('   as a stream', '', streaming * scale, one, scale);
  }
}
console.log('\nNothing comes out     bytes in          ms    ns a byte');
for (const [name, codec, payload] of hollowPayloads(950_000)) {
  const ms = await cpuMs(() => codecs.unfold(codec, payload, RECORDS_WORK_MAX, { push: () => true }), 2);
  const nanos = (ms / payload.length) * 1e6;
  console.log(
    `${name.padEnd(20)} ${String(payload.length).padStart(9)} ${ms.toFixed(1).padStart(11)} ${nanos.toFixed(0).padStart(12)}`,
  );
}
console.log(isMet ? `ok: below ${TARGET_MS} ms` : `BAD: not below ${TARGET_MS} ms`);
process.exitCode = isMet ? 0 : 1;

function row(label: string, crc: string, ms: number, { count }: Sample, scale: number): void {
  const nanos = (ms / scale / count) * 1e6;
  console.log(
    `${label.padEnd(20)} ${crc.padStart(8)} ${ms.toFixed(3).padStart(11)} ${nanos.toFixed(0).padStart(13)}`,
  );
}
