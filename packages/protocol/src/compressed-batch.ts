/** Builds a batch with the same records in another compression, or uncompressed. */
import { BATCH_HEADER_BYTES, Compression, KIND_BITS, readBatchHeader, writeBatchHeader } from './batch.ts';
import type { CompressionCodecs } from './records.ts';

/**
 * `plain`: the uncompressed records of `batch`. In the header, only size, attributes and checksum change.
 * Like Kafka, this function clears all attributes except the codec and KIND_BITS. Unlike Kafka, it keeps the
 * client's base timestamp. Kafka sets it to the timestamp of the first record, which nearly all clients have
 * done already.
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
