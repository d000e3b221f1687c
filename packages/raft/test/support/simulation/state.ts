/**
 * The state that a simulated listener makes of the committed records: a digest that depends on every record
 * and on their order. Its snapshot has several parts.
 */

import { crc32c } from '@millrace/protocol';
import {
  type CommittedBatch,
  checksumOf,
  encodePart,
  recordsOfPart,
  type Snapshot,
  type SnapshotId,
} from '../../../src/index.ts';

const PARTS = 4;

export class SimState {
  endOffset = 0;
  epoch = 0;
  digest = 0;
  bytesSince = 0;

  static from({ manifest, parts }: Snapshot): SimState {
    const state = new SimState();
    const texts = parts
      .flatMap((part) => [...recordsOfPart(part)])
      .map((bytes) => new TextDecoder().decode(bytes));
    state.endOffset = manifest.id.endOffset;
    state.epoch = manifest.id.epoch;
    state.digest = Number(texts.join(''));
    return state;
  }

  apply({ baseOffset, epoch, records }: Pick<CommittedBatch, 'baseOffset' | 'epoch' | 'records'>): void {
    for (const record of records) {
      const bytes = new Uint8Array(record.length + 4);
      bytes.set(record, 4);
      new DataView(bytes.buffer).setUint32(0, this.digest);
      this.digest = crc32c(bytes);
      this.bytesSince += record.length;
    }
    this.endOffset = baseOffset + records.length;
    this.epoch = epoch;
  }

  snapshot(voters: Uint8Array): Snapshot {
    this.bytesSince = 0;
    const id: SnapshotId = { endOffset: this.endOffset, epoch: this.epoch };
    const text = String(this.digest).padStart(12, '0');
    const parts = Array.from({ length: PARTS }, (_, index) =>
      encodePart([new TextEncoder().encode(text.slice(index * 3, index * 3 + 3))]),
    );
    const checksum = checksumOf(parts.map((part) => crc32c(part)));
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    return { manifest: { id, voters, parts: PARTS, bytes, checksum }, parts };
  }
}
