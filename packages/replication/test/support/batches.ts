/** Batches of one record, as a producer sends them. */
import { buildBatch } from '@millrace/protocol';

/** `producer`: the fields that an idempotent producer sets. */
export function batchOf(
  value: string | Uint8Array,
  producer: { producerId?: number; producerEpoch?: number; baseSequence?: number } = {},
): Uint8Array {
  const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value;
  return buildBatch({ baseTimestamp: 0, records: [{ key: null, value: bytes, headers: [] }], ...producer });
}
