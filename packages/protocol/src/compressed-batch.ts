/** Builds a batch with the same records in another compression, or uncompressed. */
import { BATCH_HEADER_BYTES, Compression, KIND_BITS, readBatchHeader, writeBatchHeader } from './batch.ts';
import type { CompressionCodecs } from './records.ts';

/**
 * `plain`: the uncompressed records of `batch`. Only size, attributes and checksum of the header change. Like
 * Kafka, this function clears all attributes except the codec and KIND_BITS. Kafka also sets the base
 * timestamp to that of the first record, as nearly all clients do. This function keeps the client's base
 * timestamp.
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
  writeBatchHeader(built, { ...header, attributes: (header.attributes & KIND_BITS) | codec });
  return built;
}
