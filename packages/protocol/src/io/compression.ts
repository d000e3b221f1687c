/**
 * The compression codecs of record batches: gzip and zstd by node's zlib, snappy and lz4 by our own code. Synchronous,
 * for whoever must look inside a batch; the hot path passes compressed batches on as they are.
 */
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { unreachable } from '@millrace/base';
import { Compression } from '../batch.ts';
import { lz4Compress, lz4Decompress } from '../compression/lz4.ts';
import { snappyCompress, snappyDecompress } from '../compression/snappy.ts';
import { DecodeError } from '../decode-error.ts';
import type { CompressionCodecs } from '../records.ts';

export const compressionCodecs: CompressionCodecs = {
  decompress(codec, bytes, maxBytes) {
    switch (codec) {
      case Compression.NONE:
        return bytes;
      case Compression.GZIP:
        return guarded('gzip', () => gunzipSync(bytes, { maxOutputLength: maxBytes }));
      case Compression.SNAPPY:
        return snappyDecompress(bytes, maxBytes);
      case Compression.LZ4:
        return lz4Decompress(bytes, maxBytes);
      case Compression.ZSTD:
        return guarded('zstd', () => zstdDecompressSync(bytes, { maxOutputLength: maxBytes }));
      default:
        throw new DecodeError(`no compression codec ${codec}`);
    }
  },

  compress(codec, bytes) {
    switch (codec) {
      case Compression.NONE:
        return bytes;
      case Compression.GZIP:
        return gzipSync(bytes);
      case Compression.SNAPPY:
        return snappyCompress(bytes);
      case Compression.LZ4:
        return lz4Compress(bytes);
      case Compression.ZSTD:
        return zstdCompressSync(bytes);
      default:
        return unreachable(codec);
    }
  },
};

/** zlib's errors all mean the same to us: bytes that are no such stream, or too many of them. */
function guarded(name: string, decompress: () => Uint8Array): Uint8Array {
  try {
    return decompress();
  } catch (error) {
    throw new DecodeError(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
