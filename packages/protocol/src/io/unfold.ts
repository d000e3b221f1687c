/**
 * Decompresses a payload as a stream, for worker threads. For gzip and zstd, Node's zlib streams hold only
 * one window of the decompressed bytes. Our snappy and lz4 decompress block by block anyway. This file
 * accepts the same bytes as the synchronous codecs.
 */
import { constants, crc32, createInflateRaw, createZstdDecompress } from 'node:zlib';
import { BATCH_HEADER_BYTES, type BatchHeader, Compression } from '../batch.ts';
import { type ByteSink, FRAME_BYTES, TooLargeError } from '../compression/unfold.ts';
import { zstdFrame } from '../compression/zstd-frames.ts';
import { DecodeError } from '../decode-error.ts';
import { invalidForWork, invalidPayload, RECORDS_WORK_MAX } from '../record-check.ts';
import { RecordChecker } from '../record-checker.ts';
import type { RecordRules, RecordsVerdict } from '../record-rules.ts';
import { compressionCodecs } from './compression.ts';
import { gzipMember, gzipTrailer, nextGzipMember } from './gzip.ts';

const CHUNK_BYTES = 256 * 1024;
const ZSTD_WINDOW_LOG_MAX = 27;

/** Like `checkRecordsWhole`, but holds only one window or block of the decompressed bytes. */
export async function checkRecordsStreaming(
  batch: Uint8Array,
  header: BatchHeader,
  rules: RecordRules,
): Promise<RecordsVerdict> {
  const checker = new RecordChecker(header, rules, RECORDS_WORK_MAX);
  const section = batch.subarray(BATCH_HEADER_BYTES, header.sizeBytes);
  try {
    await unfoldStreaming(header.compression, section, RECORDS_WORK_MAX, checker);
  } catch (error) {
    if (error instanceof TooLargeError) return invalidForWork();
    return invalidPayload(error);
  }
  return checker.isOverWork ? invalidForWork() : checker.finish();
}

/**
 * Passes the decompressed bytes to `sink`. Rejects with DecodeError if the bytes are damaged, with
 * TooLargeError if the output would exceed `maxBytes`.
 */
export async function unfoldStreaming(
  codec: number,
  bytes: Uint8Array,
  maxBytes: number,
  sink: ByteSink,
): Promise<void> {
  if (codec === Compression.GZIP) await gzipStreaming(bytes, maxBytes, sink);
  else if (codec === Compression.ZSTD) await zstdStreaming(bytes, maxBytes, sink);
  else compressionCodecs.unfold(codec, bytes, maxBytes, sink);
}

async function gzipStreaming(bytes: Uint8Array, maxBytes: number, sink: ByteSink): Promise<void> {
  let left = maxBytes;
  let start = gzipMember(bytes, 0);
  if (start === undefined) throw new DecodeError('gzip: no member');
  while (start !== undefined) {
    const inflate = createInflateRaw({ chunkSize: CHUNK_BYTES });
    let crc = 0;
    let sizeBytes = 0;
    const isWanted = await pipe('gzip', inflate, bytes.subarray(start), left, (chunk) => {
      crc = crc32(chunk, crc);
      sizeBytes += chunk.length;
      return sink.push(chunk);
    });
    if (!isWanted) return;
    const end = gzipTrailer(bytes, start + inflate.bytesWritten, crc, sizeBytes);
    left -= sizeBytes + FRAME_BYTES;
    start = nextGzipMember(bytes, end);
  }
}

async function zstdStreaming(bytes: Uint8Array, maxBytes: number, sink: ByteSink): Promise<void> {
  let left = maxBytes;
  for (let start = 0; start < bytes.length; ) {
    const { end, isSkippable } = zstdFrame(bytes, start);
    if (!isSkippable) {
      const stream = createZstdDecompress({
        chunkSize: CHUNK_BYTES,
        params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX },
      });
      let sizeBytes = 0;
      const isWanted = await pipe('zstd', stream, bytes.subarray(start, end), left, (chunk) => {
        sizeBytes += chunk.length;
        return sink.push(chunk);
      });
      if (!isWanted) return;
      left -= sizeBytes + FRAME_BYTES;
    }
    start = end;
  }
}

interface Unfolding extends AsyncIterable<unknown> {
  end(bytes: Uint8Array): unknown;
}

/** Passes the output of `stream` to `push`. Returns false if `push` wants no more bytes. */
async function pipe(
  name: string,
  stream: Unfolding,
  bytes: Uint8Array,
  maxBytes: number,
  push: (chunk: Uint8Array) => boolean,
): Promise<boolean> {
  // Empty members and frames may have used up the limit, because each costs FRAME_BYTES.
  if (maxBytes <= 0) throw new TooLargeError(name);
  let left = maxBytes;
  stream.end(bytes);
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      left -= chunk.length;
      if (left < 0) throw new TooLargeError(name);
      if (!push(chunk)) return false;
    }
  } catch (error) {
    if (error instanceof DecodeError) throw error;
    throw new DecodeError(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
  return true;
}
