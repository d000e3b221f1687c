/**
 * The tombstones of one decision. A removal of many offsets takes several decisions, one a turn: each fits
 * into a batch, and none blocks the event loop for long.
 */
import { encodeGroupRecord } from '../records/group-record.ts';
import type { CoordinatorRecord } from '../runtime/machine.ts';

const TOMBSTONES_MAX = 500;
/** A slice ends with the tombstone that reaches this. A tombstone has at most about 33 KB. */
const BYTES_MAX = 64 * 1024;

export class TombstoneSlice {
  readonly records: CoordinatorRecord[] = [];
  /** The groups of the tombstones. */
  readonly groups = new Set<string>();
  private bytes = 0;

  get isFull(): boolean {
    return this.records.length >= TOMBSTONES_MAX || this.bytes >= BYTES_MAX;
  }

  add(group: string, topic: string, partition: number): void {
    const record = encodeGroupRecord({ type: 'offset-commit', group, topic, partition, value: null });
    this.records.push(record);
    this.groups.add(group);
    this.bytes += record.key.length;
  }
}
