/**
 * Producer snapshots in Kafka's binary format, version 1: the state of a log's idempotent producers at one
 * offset. With a snapshot, opening the log need not read all of it. The format: int16 version, uint32 CRC-32C
 * of the rest, int32 number of producers, then 46 bytes for each producer. A snapshot holds only the last
 * batch of each producer; `loadProducers` finds earlier batches in the log before the snapshot.
 */
import { crc32c, type Timestamp, wrapTimestamp } from '@millrace/protocol';
import type { ProducerState } from './producer-states.ts';

const VERSION = 1;
const CRC_AT = 2;
const CRC_FROM = 6;
const HEADER_BYTES = 10;
const ENTRY_BYTES = 46;

/** The snapshot's entry of one producer. */
export interface ProducerSnapshotEntry {
  readonly producerId: number;
  readonly epoch: number;
  /** The sequence number of the last record; -1: only a transaction marker is known. */
  readonly lastSequence: number;
  readonly lastOffset: number;
  readonly offsetDelta: number;
  readonly timestamp: Timestamp;
  readonly coordinatorEpoch: number;
  /** First offset of the open transaction; -1: there is none. */
  readonly openTransactionOffset: number;
}

export function encodeProducerSnapshot(producers: readonly ProducerState[]): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + producers.length * ENTRY_BYTES);
  const view = new DataView(bytes.buffer);
  view.setInt16(0, VERSION);
  view.setInt32(CRC_FROM, producers.length);
  let at = HEADER_BYTES;
  for (const producer of producers) {
    const last = producer.batches[producer.batches.length - 1];
    view.setBigInt64(at, BigInt(producer.producerId));
    view.setInt16(at + 8, producer.epoch);
    view.setInt32(at + 10, last?.lastSequence ?? -1);
    view.setBigInt64(at + 14, BigInt(last?.lastOffset ?? -1));
    view.setInt32(at + 22, last?.offsetDelta ?? 0);
    view.setBigInt64(at + 26, BigInt(last?.timestamp ?? producer.lastTimestamp));
    view.setInt32(at + 34, producer.coordinatorEpoch);
    view.setBigInt64(at + 38, BigInt(producer.openTransactionOffset));
    at += ENTRY_BYTES;
  }
  view.setUint32(CRC_AT, crc32c(bytes, CRC_FROM, bytes.length));
  return bytes;
}

/** The entries, or undefined when the bytes are cut, damaged or of another version. */
export function decodeProducerSnapshot(bytes: Uint8Array): ProducerSnapshotEntry[] | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getInt16(0) !== VERSION) return undefined;
  const count = view.getInt32(CRC_FROM);
  if (count < 0 || bytes.length !== HEADER_BYTES + count * ENTRY_BYTES) return undefined;
  if (view.getUint32(CRC_AT) !== crc32c(bytes, CRC_FROM, bytes.length)) return undefined;
  const entries: ProducerSnapshotEntry[] = [];
  for (let at = HEADER_BYTES; at < bytes.length; at += ENTRY_BYTES) {
    entries.push({
      producerId: Number(view.getBigInt64(at)),
      epoch: view.getInt16(at + 8),
      lastSequence: view.getInt32(at + 10),
      lastOffset: Number(view.getBigInt64(at + 14)),
      offsetDelta: view.getInt32(at + 22),
      timestamp: wrapTimestamp(view.getBigInt64(at + 26)),
      coordinatorEpoch: view.getInt32(at + 34),
      openTransactionOffset: Number(view.getBigInt64(at + 38)),
    });
  }
  return entries;
}
