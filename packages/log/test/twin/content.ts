/**
 * The bytes of one file: those that a process reads and writes (the page cache), and those on the device.
 * Written sectors reach the device in any order. A sync that ends without an error covers everything that was
 * written before it began. If the system fails to write sectors without a sync, the next sync that ends
 * reports the loss. The system forgets the loss when the last descriptor of the file is closed.
 */
import type { Prng } from '@millrace/base';

export const SECTOR_BYTES = 512;

/** What a power loss does to the unsynced sectors and to the length of a file. */
export type Fate = 'lost' | 'kept' | 'torn';

const FATES: readonly Fate[] = ['lost', 'kept', 'torn', 'torn'];

/** What a sync covers. */
interface Sync {
  readonly number: number;
  readonly bytes: Uint8Array;
  readonly dirty: ReadonlyMap<number, number>;
}

export class Content {
  length = 0;
  modifiedMs = 0;
  /** Longer than `length`, with zeros behind it. */
  private bytes = new Uint8Array(2 * SECTOR_BYTES);
  private device = new Uint8Array(0);
  /** By sector that the device does not have as written: the number of its last change. */
  private readonly dirty = new Map<number, number>();
  /** Sectors that no sync writes until they change again, because a sync of them failed. */
  private readonly skipped = new Set<number>();
  /** Those of `skipped` whose loss no sync has reported. */
  private readonly unreported = new Set<number>();
  /** Number of descriptors of the living process. */
  descriptors = 0;
  private changes = 0;
  private syncs = 0;
  private lastSynced = -1;
  /** Number of syncs that have not ended. */
  private running = 0;

  all(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }

  read(position: number, target: Uint8Array): number {
    const count = Math.max(0, Math.min(target.length, this.length - position));
    target.set(this.bytes.subarray(position, position + count));
    return count;
  }

  write(position: number, chunk: Uint8Array): void {
    this.reserve(position + chunk.length);
    this.bytes.set(chunk, position);
    this.touch(position, position + chunk.length);
    this.length = Math.max(this.length, position + chunk.length);
  }

  truncate(size: number): void {
    this.reserve(size);
    this.touch(Math.min(size, this.length), Math.max(size, this.length));
    this.bytes.fill(0, Math.min(size, this.length));
    this.length = size;
  }

  beginSync(): Sync {
    this.running++;
    return { number: this.syncs++, bytes: this.all(), dirty: new Map(this.dirty) };
  }

  endSync({ number, bytes, dirty }: Sync): void {
    this.running--;
    // A later sync has written newer bytes.
    if (number < this.lastSynced) return;
    this.lastSynced = number;
    const device = new Uint8Array(bytes.length);
    device.set(this.device.subarray(0, bytes.length));
    for (const [sector, change] of dirty) {
      const at = sector * SECTOR_BYTES;
      if (at < device.length) device.set(bytes.subarray(at, at + SECTOR_BYTES), at);
      if (this.dirty.get(sector) === change) this.dirty.delete(sector);
    }
    this.device = device;
  }

  /** As on Linux: the pages stay in the cache, but no later sync writes them unless they change again. */
  failSync({ dirty }: Sync): void {
    this.running--;
    for (const [sector, change] of dirty) {
      if (this.dirty.get(sector) !== change) continue;
      this.dirty.delete(sector);
      this.skipped.add(sector);
    }
  }

  syncNow(): void {
    this.endSync(this.beginSync());
  }

  /**
   * The process died: the syncs that it began do not end. The system tries again to write the sectors whose
   * loss no sync has reported.
   */
  processDied(): void {
    this.running = 0;
    this.descriptors = 0;
    for (const sector of this.unreported) this.touch(sector * SECTOR_BYTES, sector * SECTOR_BYTES + 1);
    this.unreported.clear();
  }

  /** The process closes a descriptor. `forgets`: the system forgets a loss behind the last one. */
  closed({ forgets }: { readonly forgets: boolean }): void {
    this.descriptors--;
    if (forgets && this.descriptors === 0) this.unreported.clear();
  }

  /** The system fails to write what is unsynced, and does not try again. */
  failWriteBack(): void {
    for (const sector of this.dirty.keys()) {
      this.skipped.add(sector);
      this.unreported.add(sector);
    }
    this.dirty.clear();
  }

  get mayFailWriteBack(): boolean {
    return this.running === 0 && this.descriptors > 0 && this.dirty.size > 0;
  }

  get hasUnreportedLoss(): boolean {
    return this.unreported.size > 0;
  }

  /** A sync ends. Returns whether it reports a loss. */
  reportsLoss(): boolean {
    const { hasUnreportedLoss } = this;
    this.unreported.clear();
    return hasUnreportedLoss;
  }

  /** The system writes some sectors, without a sync. */
  writeBack(random: Prng): void {
    if (this.running > 0) return;
    const sectors = [...this.dirty.keys()].filter(() => random.below(2) === 0);
    const shorter = Math.min(this.device.length, this.length);
    this.resizeDevice(shorter + random.below(Math.max(this.device.length, this.length) - shorter + 1));
    for (const sector of sectors) {
      const at = sector * SECTOR_BYTES;
      if (at >= this.device.length) continue;
      this.device.set(this.bytes.subarray(at, Math.min(at + SECTOR_BYTES, this.device.length)), at);
      // A part of this sector may lie behind the device's end of the file.
      if (this.device.length >= Math.min(at + SECTOR_BYTES, this.length)) this.dirty.delete(sector);
    }
  }

  /** Leaves what the device has after a power loss. Draws the fate unless it is given. */
  losePower(random: Prng, given?: Fate): void {
    const fate = given ?? FATES[random.below(FATES.length)]!;
    const { length } = this.device;
    let end = fate === 'kept' ? this.length : length;
    if (fate === 'torn' && random.below(2) === 0) {
      const shorter = Math.min(length, this.length);
      end = shorter + random.below(Math.abs(length - this.length) + 1);
    }
    const left = new Uint8Array(Math.max(end, 2 * SECTOR_BYTES));
    left.set(this.device.subarray(0, end));
    for (const sector of this.dirty.keys()) {
      const at = sector * SECTOR_BYTES;
      const isKept = fate === 'kept' || (fate === 'torn' && random.below(2) === 0);
      if (isKept && at < end) {
        left.fill(0, at, at + SECTOR_BYTES);
        left.set(this.bytes.subarray(at, Math.min(at + SECTOR_BYTES, end)), at);
      }
    }
    this.bytes = left;
    this.length = end;
    this.device = left.slice(0, end);
    this.dirty.clear();
    this.skipped.clear();
    this.unreported.clear();
  }

  private touch(from: number, to: number): void {
    this.changes++;
    for (let sector = Math.floor(from / SECTOR_BYTES); sector * SECTOR_BYTES < to; sector++) {
      this.dirty.set(sector, this.changes);
      this.skipped.delete(sector);
    }
  }

  private resizeDevice(size: number): void {
    const device = new Uint8Array(size);
    device.set(this.device.subarray(0, size));
    this.device = device;
  }

  private reserve(size: number): void {
    if (this.bytes.length >= size) return;
    const larger = new Uint8Array(Math.max(size, 2 * this.bytes.length));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }
}
