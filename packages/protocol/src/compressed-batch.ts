/** A batch whose records are compressed in another way, or no more. */
import { BATCH_HEADER_BYTES, Compression, readBatchHeader, writeBatchHeader } from './batch.ts';
import type { CompressionCodecs } from './records.ts';

/**
 * Timestamp type, transactional, control. A batch that Kafka builds again has no others, whatever the client
 * set.
 */
const KEPT_BITS = 0x38;

/**
 * `plain`: the records of `batch` uncompressed. Everything else that its header says stays. Kafka counts
 * times from the first record, as all clients but the oddest do; here they are counted from where they were.
 */
export function compressedBatch(
  batch: Uint8Array,
  plain: Uint8Array,
  { codec, level }: { readonly codec: Compression; readonly level?: number | undefined },
  codecs: CompressionCodecs,
): Uint8Array {
  const section = codec === Compression.NONE ? plain : codecs.compress(codec, plain, level);
  const built = new Uint8Array(BATCH_HEADER_BYTES + section.length);
  built.set(section, BATCH_HEADER_BYTES);
  const header = readBatchHeader(batch);
  writeBatchHeader(built, { ...header, attributes: (header.attributes & KEPT_BITS) | codec });
  return built;
}
