/**
 * The bytes of one file: the written bytes (the page cache), and the bytes that are on the device. Until a
 * sync of a written sector ends, this object also keeps what the device has in the sector. A failed sync can
 * lose pages for good, as on Linux: a later sync succeeds, but does not write these pages.
 */
import type { Prng, WallMillis } from '@millrace/base';
import { Pieces } from '../world/index.ts';

export const SECTOR_BYTES = 512;

type Preimages = Map<number, Uint8Array>;

/**
 * Memory for the bytes of files and for preimages. All runs can share it, because it gives out no piece
 * twice.
 */
const memory = new Pieces();

/** The effect of a power loss on the unsynced sectors of a file. */
export type Fate = 'lost' | 'kept' | 'torn';

/**
 * What the operating system does with pages that it could not write to the device. `dirty`: the next sync
 * writes them. `clean`: no sync writes them until the process writes them again, so a power loss loses them
 * (ext4, XFS). `dropped`: from then on, reads return what the device has. A page that the process wrote again
 * during the sync stays dirty.
 */
export type PagesAfterFailure = 'dirty' | 'clean' | 'dropped';

/** A sync on its way to the device. */
interface Sync {
  readonly covered: Preimages;
  readonly length: number;
  /** What happens to the pages when the device reports an error for this sync. Undefined: no error. */
  readonly failure: PagesAfterFailure | undefined;
  /** Whether the process that asked for this sync still waits for it. */
  readonly isAwaited: () => boolean;
}

export class FileContent {
  length = 0;
  /** The wall time of the last write or truncation; 0: never written. */
  modifiedMs: WallMillis = 0;
  /** Sectors that cannot be read. */
  readonly badSectors = new Set<number>();
  private bytes: Uint8Array = new Uint8Array(0);
  private syncedLength = 0;
  private dirty: Preimages = new Map();
  /** The syncs under way, oldest first. */
  private syncing: Sync[] = [];
  /**
   * Sectors that no sync will write to the device, because a sync of them has failed. The value is what the
   * device has instead.
   */
  private orphaned: Preimages = new Map();

  /** A copy of the written bytes, all of which are on the device of the copy. */
  copy(): FileContent {
    const copy = new FileContent();
    copy.write(0, this.all());
    copy.syncNow();
    copy.modifiedMs = this.modifiedMs;
    return copy;
  }

  read(position: number, target: Uint8Array): number {
    const count = Math.max(0, Math.min(target.length, this.length - position));
    target.set(this.bytes.subarray(position, position + count));
    return count;
  }

  all(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }

  write(position: number, chunk: Uint8Array): void {
    const end = position + chunk.length;
    this.remember(position, end);
    this.reserve(end);
    this.bytes.set(chunk, position);
    this.length = Math.max(this.length, end);
  }

  truncate(size: number): void {
    const end = Math.max(size, this.length);
    this.remember(Math.min(size, this.length), end);
    this.reserve(size);
    this.bytes.fill(0, Math.min(size, this.length), end);
    this.length = size;
  }

  /**
   * Begins a sync of everything written until now. The caller calls the returned function when the sync ends.
   * That function returns false if the sync reports an error. If `failure` is given, the device reports an
   * error for this sync, and `failure` says what happens to the pages. Linux reports an error only once, to
   * the failed sync. If the process that asked for the failed sync is dead, Linux reports the error to the
   * next sync of the file instead.
   */
  beginSync(failure?: PagesAfterFailure, isAwaited = () => true): () => boolean {
    const sync: Sync = { covered: this.dirty, length: this.length, failure, isAwaited };
    this.dirty = new Map();
    this.syncing.push(sync);
    return () => {
      // When a sync ends, the earlier syncs end, too.
      const ended = this.syncing.splice(0, this.syncing.indexOf(sync) + 1);
      for (const one of ended) this.endSync(one);
      return failure === undefined && ended.every((one) => one.failure === undefined || one.isAwaited());
    };
  }

  syncNow(): void {
    this.dirty = new Map();
    this.syncing = [];
    this.syncedLength = this.length;
  }

  /** Applies a power loss. Draws the fate unless `given` names one. Returns whether anything was lost. */
  losePower(random: Prng, given?: Fate): boolean {
    const preimages: Preimages = new Map(this.dirty);
    for (const { covered } of this.syncing.toReversed())
      for (const [sector, old] of covered) preimages.set(sector, old);
    const { length } = this;
    const drawn: Fate = (['lost', 'kept', 'torn', 'torn'] as const)[random.below(4)]!;
    const fate = given ?? drawn;
    let lost = this.orphaned.size > 0;
    for (const [sector, old] of this.orphaned) this.restore(sector, old);
    for (const [sector, old] of preimages) {
      if (fate === 'kept' || (fate === 'torn' && random.below(2) === 0)) continue;
      lost = true;
      this.restore(sector, old);
    }
    if (fate === 'lost') this.length = this.syncedLength;
    else if (fate === 'torn' && random.below(2) === 0) {
      const low = Math.min(length, this.syncedLength);
      this.length = low + random.below(Math.abs(length - this.syncedLength) + 1);
    }
    lost ||= this.length !== length;
    this.bytes.fill(0, this.length);
    this.orphaned = new Map();
    this.syncNow();
    return lost;
  }

  private endSync({ covered, length, failure }: Sync): void {
    if (failure === undefined) this.syncedLength = length;
    else for (const [sector, old] of covered) this.failSector(sector, old, failure);
  }

  private failSector(sector: number, old: Uint8Array, pages: PagesAfterFailure): void {
    // A sector that was written again since is dirty, so the next sync writes it whole.
    if (pages === 'dirty' || this.dirty.has(sector)) this.dirty.set(sector, old);
    else if (pages === 'clean') this.orphaned.set(sector, old);
    else this.restore(sector, old);
  }

  private restore(sector: number, old: Uint8Array): void {
    this.reserve((sector + 1) * SECTOR_BYTES);
    this.bytes.set(old, sector * SECTOR_BYTES);
  }

  /**
   * Call this before a write or a truncation changes these bytes. It keeps the old content of each sector
   * that is not dirty yet. The device has this content, or gets it if the syncs under way succeed. The change
   * makes a bad sector readable again.
   */
  private remember(from: number, end: number): void {
    for (let sector = Math.floor(from / SECTOR_BYTES); sector * SECTOR_BYTES < end; sector++) {
      this.badSectors.delete(sector);
      if (this.dirty.has(sector)) continue;
      const onDevice = this.orphaned.get(sector);
      if (onDevice !== undefined) {
        this.orphaned.delete(sector);
        this.dirty.set(sector, onDevice);
        continue;
      }
      const old = memory.take(SECTOR_BYTES);
      old.set(this.bytes.subarray(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES));
      this.dirty.set(sector, old);
    }
  }

  private reserve(size: number): void {
    if (this.bytes.length >= size) return;
    const larger = memory.take(Math.max(size, this.bytes.length * 2, 4 * SECTOR_BYTES));
    larger.set(this.bytes);
    this.bytes = larger;
  }
}
