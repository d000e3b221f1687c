/**
 * Goal: a log stores batches in the compression that compression.type asks for. Method: append batches in
 * every compression to logs of every compression, and read them back.
 */
import {
  BATCH_HEADER_BYTES,
  Compression,
  ErrorCode,
  readBatchHeader,
  readRecords,
  writeBatchHeader,
} from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import { expect, test } from 'vitest';
import { logJobs } from '../../src/index.ts';
import { append, batch, hex, NOW, openLog, readAll } from '../support/logs.ts';

const CODECS = Object.values(Compression);
function fullBatch(compression: Compression, more = {}): Uint8Array {
  return batch(3, {
    compression,
    timestamps: [NOW - 5, NOW + 7, NOW],
    values: ['a'.repeat(500), '', 'c'],
    producerId: 9,
    producerEpoch: 4,
    baseSequence: 70,
    ...more,
  });
}

/** The records of a batch, with key and value as text. */
function recordsOf(bytes: Uint8Array) {
  return [...readRecords(bytes, compressionCodecs)].map(({ key, value, ...rest }) => ({
    ...rest,
    key: key && Buffer.from(key).toString(),
    value: value && Buffer.from(value).toString(),
  }));
}

const fieldsOf = (bytes: Uint8Array) => {
  const { sizeBytes, crc, attributes, leaderEpoch, ...rest } = readBatchHeader(bytes);
  return rest;
};

test.each(CODECS.flatMap((from) => CODECS.map((to) => [from, to] as const)))(
  'a batch of codec %i in a topic of codec %i: the log keeps the records, in the compression of the topic',
  (from, to) => {
    const given = fullBatch(from);
    const log = openLog({ config: { compression: { codec: to, level: undefined } } });
    append(log, given.slice(), 3);
    const [stored] = readAll(log, 1 << 20);
    const header = readBatchHeader(stored!);
    expect(header.compression).toBe(to);
    expect(header.leaderEpoch).toBe(3);
    expect(fieldsOf(stored!)).toEqual(fieldsOf(given));
    expect(recordsOf(stored!)).toEqual(recordsOf(given));
    // A batch in the topic's compression stays as it is, byte by byte from the checksum on.
    if (from === to) expect(hex([stored!.subarray(17)])).toEqual(hex([given.subarray(17)]));
  },
);

test('recompression clears header bits that a client must not set, as Kafka does', () => {
  const deleteHorizonAndUnused = 0xc0;
  const given = fullBatch(Compression.GZIP);
  writeBatchHeader(given, {
    ...readBatchHeader(given),
    attributes: readBatchHeader(given).attributes | deleteHorizonAndUnused,
  });
  const log = openLog({ config: { compression: { codec: Compression.ZSTD, level: undefined } } });
  append(log, given);
  const [stored] = readAll(log, 1 << 20);
  expect(readBatchHeader(stored!).attributes).toBe(Compression.ZSTD);
});

test("compression.type producer keeps the client's compression", () => {
  for (const codec of CODECS) {
    const log = openLog();
    append(log, fullBatch(codec));
    expect(readBatchHeader(readAll(log, 1 << 20)[0]!).compression).toBe(codec);
  }
});

test('the log stamps LogAppendTime on a batch that it recompresses, too', () => {
  const compression = { codec: Compression.ZSTD, level: undefined };
  const log = openLog({ config: { compression, timestampType: 'LogAppendTime' } });
  append(log, fullBatch(Compression.NONE), 0, NOW + 1000);
  expect(recordsOf(readAll(log, 1 << 20)[0]!).map(({ timestamp }) => timestamp)).toEqual(
    Array.from({ length: 3 }, () => NOW + 1000),
  );
});

test('the log compresses with the level of the topic if the codec has levels', () => {
  const text = Array.from({ length: 3000 }, (_unused, index) => `${(index * 7919) % 1000} `).join('');
  const size = (codec: Compression, level: number) => {
    const log = openLog({ config: { compression: { codec, level } } });
    append(log, batch(1, { values: [text] }));
    return log.sizeBytes;
  };
  expect(size(Compression.GZIP, 9)).toBeLessThan(size(Compression.GZIP, 1));
  expect(size(Compression.GZIP, -1)).toBeLessThan(size(Compression.GZIP, 1));
  expect(size(Compression.ZSTD, 19)).toBeLessThan(size(Compression.ZSTD, 1));
  expect(size(Compression.ZSTD, 1)).toBeLessThan(size(Compression.ZSTD, -50));
});

test('a batch that is too large in the compression of the topic is refused and leaves no trace', () => {
  const given = batch(1, { valueBytes: 50_000, compression: Compression.GZIP });
  const config = { compression: { codec: Compression.NONE, level: undefined }, maxMessageBytes: 10_000 };
  const log = openLog({ config });
  expect(log.appendAsLeader(given, { leaderEpoch: 0, nowWallMs: NOW })).toMatchObject({
    ok: false,
    errorCode: ErrorCode.MESSAGE_TOO_LARGE,
  });
  // The log refuses a batch that is too large as sent, even if it would fit after recompression.
  const zstd = openLog({ config: { ...config, compression: { codec: Compression.ZSTD, level: undefined } } });
  expect(
    zstd.appendAsLeader(batch(1, { valueBytes: 50_000 }), { leaderEpoch: 0, nowWallMs: NOW }),
  ).toMatchObject({ ok: false, errorCode: ErrorCode.MESSAGE_TOO_LARGE });
  expect([log.endOffset, zstd.endOffset]).toEqual([0, 0]);
});

test('the event loop compresses small batches; a job compresses large ones, with the level of the topic', () => {
  const log = openLog({ config: { compression: { codec: Compression.ZSTD, level: 3 } } });
  const small = batch(2, { valueBytes: 1000 });
  const large = batch(2, { valueBytes: 10_000 });
  expect(log.admit(small, NOW)).toMatchObject({ ok: true });
  expect(log.admit(large, NOW)).toBeUndefined();
  const { admit } = logJobs(compressionCodecs);
  const { value, bytes } = admit.run(large, log.doorOptions(NOW));
  expect(value).toMatchObject({ ok: true, sizeBytes: bytes.length });
  expect(bytes.length).toBeLessThan(1000);
  // The batch has a buffer of its own, because the job sends it to another thread.
  expect(bytes.buffer.byteLength).toBe(bytes.length);
  expect(hex([bytes.subarray(BATCH_HEADER_BYTES)])).toEqual(
    hex([compressionCodecs.compress(Compression.ZSTD, large.subarray(BATCH_HEADER_BYTES), 3)]),
  );
});
