/** Record batches as a leader has appended them. */
import { buildBatch, stampBatch } from '@millrace/protocol';

const TEXT = new TextEncoder();

export function batchAt(baseOffset: number, leaderEpoch: number, ...values: string[]): Uint8Array {
  const records = values.map((value) => ({ value: TEXT.encode(value) }));
  const batch = buildBatch({ records, baseTimestamp: 1_700_000_000_000 });
  stampBatch(batch, 0, baseOffset, leaderEpoch);
  return batch;
}

export function joined(...batches: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(batches));
}
