/**
 * The compression codecs of record batches: gzip and zstd by node's zlib, snappy and lz4 by our own code.
 * They are synchronous: use them on the event loop for small payloads, and on other threads for any payload.
 */
import { constants, crc32, gzipSync, inflateRawSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { unreachable } from '@millrace/base';
import { Compression } from '../batch.ts';
import { lz4Compress, lz4Decompress, lz4Unfold } from '../compression/lz4.ts';
import { snappyCompress, snappyDecompress, snappyUnfold } from '../compression/snappy.ts';
import { ByteCollector, type ByteSink, FRAME_BYTES, TooLargeError } from '../compression/unfold.ts';
import { zstdFrame } from '../compression/zstd-frames.ts';
import { DecodeError } from '../decode-error.ts';
import type { CompressionCodecs } from '../records.ts';
import { gzipMember, gzipTrailer, nextGzipMember } from './gzip.ts';

export const compressionCodecs: CompressionCodecs = {
  decompress(codec, bytes, maxBytes) {
    switch (codec) {
      case Compression.NONE:
        return bytes;
      case Compression.SNAPPY:
        return snappyDecompress(bytes, maxBytes);
      case Compression.LZ4:
        return lz4Decompress(bytes, maxBytes);
      default: {
        const whole = new ByteCollector();
        compressionCodecs.unfold(codec, bytes, maxBytes, whole);
        return whole.finish();
      }
    }
  },

  compress(codec, bytes, level) {
    switch (codec) {
      case Compression.NONE:
        return bytes;
      case Compression.GZIP:
        return gzipSync(bytes, level === undefined ? {} : { level });
      case Compression.SNAPPY:
        return snappyCompress(bytes);
      case Compression.LZ4:
        return lz4Compress(bytes);
      case Compression.ZSTD:
        return zstdCompressSync(
          bytes,
          level === undefined ? {} : { params: { [constants.ZSTD_c_compressionLevel]: level } },
        );
      default:
        return unreachable(codec);
    }
  },

  unfold(codec, bytes, maxBytes, sink) {
    switch (codec) {
      case Compression.NONE:
        sink.push(bytes);
        return;
      case Compression.GZIP:
        gzipUnfold(bytes, maxBytes, sink);
        return;
      case Compression.SNAPPY:
        snappyUnfold(bytes, maxBytes, sink);
        return;
      case Compression.LZ4:
        lz4Unfold(bytes, maxBytes, sink);
        return;
      case Compression.ZSTD:
        zstdUnfold(bytes, maxBytes, sink);
        return;
      default:
        throw new DecodeError(`no compression codec ${codec}`);
    }
  },
};

/** The result of node's synchronous functions with `info: true`. */
interface Inflated {
  readonly buffer: Uint8Array;
  readonly engine: { readonly bytesWritten: number };
}

function gzipUnfold(bytes: Uint8Array, maxBytes: number, sink: ByteSink): void {
  let left = maxBytes;
  let start = gzipMember(bytes, 0);
  if (start === undefined) throw new DecodeError('gzip: no member');
  while (start !== undefined) {
    const deflated = bytes.subarray(start);
    const { buffer, engine } = guarded('gzip', left, (limit) =>
      inflateRawSync(deflated, { maxOutputLength: limit, info: true }),
    ) as unknown as Inflated;
    const end = gzipTrailer(bytes, start + engine.bytesWritten, crc32(buffer), buffer.length);
    if (!sink.push(buffer)) return;
    left -= buffer.length + FRAME_BYTES;
    start = nextGzipMember(bytes, end);
  }
}

/** The decoder refuses frames with a window larger than 2^27 bytes. Kafka's library has the same limit. */
const ZSTD_WINDOW_LOG_MAX = 27;

function zstdUnfold(bytes: Uint8Array, maxBytes: number, sink: ByteSink): void {
  let left = maxBytes;
  for (let start = 0; start < bytes.length; ) {
    const { end, isSkippable } = zstdFrame(bytes, start);
    if (!isSkippable) {
      const frame = bytes.subarray(start, end);
      const plain = guarded('zstd', left, (limit) =>
        zstdDecompressSync(frame, {
          maxOutputLength: limit,
          params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX },
        }),
      );
      if (!sink.push(plain)) return;
      left -= plain.length + FRAME_BYTES;
    }
    start = end;
  }
}

/**
 * Runs zlib. Throws DecodeError if the bytes are not a valid stream, and TooLargeError if they decompress to
 * more than `maxBytes`.
 */
function guarded<T>(name: string, maxBytes: number, decompress: (maxBytes: number) => T): T {
  if (maxBytes <= 0) throw new TooLargeError(name);
  try {
    return decompress(Math.min(maxBytes, Number.MAX_SAFE_INTEGER));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE')
      throw new TooLargeError(name);
    throw new DecodeError(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
