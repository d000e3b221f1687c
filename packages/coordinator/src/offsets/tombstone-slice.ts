/**
 * The tombstones of one decision. A removal of many offsets takes several decisions, one in each turn. The
 * limits of a slice make sure that a decision fits into a batch and does not block the event loop for long.
 */
import type { CoordinatorRecord } from '../runtime/machine.ts';
import { encodeOffset } from './offset-record.ts';

export interface SliceLimits {
  readonly tombstones: number;
  /** A slice ends with the tombstone that reaches this number. A tombstone has at most about 33 KB. */
  readonly bytes: number;
}

export const SMALL_SLICE: SliceLimits = { tombstones: 500, bytes: 64 * 1024 };
/** Such a slice fits into a batch if `max.message.bytes` has its default. */
export const LARGE_SLICE: SliceLimits = { tombstones: 5000, bytes: 512 * 1024 };

export class TombstoneSlice {
  readonly records: CoordinatorRecord[] = [];
  /** The groups of the tombstones. */
  readonly groups = new Set<string>();
  private readonly limits: SliceLimits;
  private bytes = 0;

  constructor(limits: SliceLimits) {
    this.limits = limits;
  }

  get isFull(): boolean {
    return this.records.length >= this.limits.tombstones || this.bytes >= this.limits.bytes;
  }

  add(group: string, topic: string, partition: number): void {
    const record = encodeOffset({ group, topic, partition }, null);
    this.records.push(record);
    this.groups.add(group);
    this.bytes += record.key.length;
  }
}
