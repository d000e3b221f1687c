/**
 * A machine's disk. It outlives the processes. Each process gets a seam of its own, and a dead process can do
 * nothing through its seam. The disk owns its faults: full disk, slow, failed and blocked syncs, failing
 * writes and reads, blocking calls, unreadable sectors, misdirected writes, power loss before a sync.
 */
import { assert, type Disk, DiskError, type DiskSpace, type NodeId, type Prng } from '@millrace/base';
import type { RaftStorage } from '@millrace/raft';
import { CrashSignal, type Death, type Life, type Micros, type World } from '../world/index.ts';
import { type Fate, SECTOR_BYTES } from './content.ts';
import { FailingReads } from './failing-reads.ts';
import { FileTree, type NamesAfterPowerLoss } from './folder.ts';
import { QuorumStore } from './quorum-store.ts';
import { SeamDisk } from './seam.ts';
import { SlowCalls } from './slow-calls.ts';
import { SyncFaults } from './sync-faults.ts';

const TOTAL_BYTES = 2e12;
const USABLE_BYTES = 1e12;
const LATENCY_US_MIN: Micros = 100;
const LATENCY_US_MAX: Micros = 900;

/** What a power loss leaves of unsynced names, logs and other files. The disk draws each missing field. */
export interface PowerLoss {
  readonly names?: NamesAfterPowerLoss;
  readonly logs?: Fate;
  readonly otherFiles?: Fate;
}

export class SimDisk {
  readonly name: string;
  tree = new FileTree();
  /**
   * Whether a sector cannot be read, a write was misdirected, or all writes or syncs below some path fail.
   * Stays true until the run replaces the disk.
   */
  isDamaged = false;
  /** Whether another, empty disk has replaced the first one. */
  wasReplaced = false;
  /** How often the machine has lost power. */
  powerLosses = 0;
  private readonly world: World;
  private readonly random: Prng;
  readonly quorumStore: QuorumStore;
  readonly syncs: SyncFaults;
  readonly slowCalls: SlowCalls;
  readonly failingReads: FailingReads;
  private isFull = false;
  private freeBytes = USABLE_BYTES;
  /** Writes below this path fail with this error. */
  private failing: { readonly below: string; readonly code: string } | undefined;
  private slowMs: number | undefined;
  private isInspected = false;
  private crash: { writesLeft: number; readonly death: Death } | undefined;
  /**
   * If set: the disk calls this function for each vote that is on its way to the device. The process dies
   * during the first vote for which the function returns true.
   */
  private isFatalVote: ((votedFor: NodeId) => boolean) | undefined;
  /** If set: the disk misdirects the next write to a log for which this returns true. */
  private mayGoAstray: (() => boolean) | undefined;

  constructor(world: World, name: string) {
    this.world = world;
    this.name = name;
    this.random = world.random.fork(`disk ${name}`);
    this.quorumStore = new QuorumStore(this);
    this.syncs = new SyncFaults(world);
    this.slowCalls = new SlowCalls(world, world.random.fork(`slow calls ${name}`));
    this.failingReads = new FailingReads(world, world.random.fork(`failing reads ${name}`));
  }

  seamOf(life: Life): Disk {
    return new SeamDisk(this, life);
  }

  storageOf(life: Life): RaftStorage {
    return this.quorumStore.open(life);
  }

  // ------------------------------------------------------------------ faults

  /** Applies a power loss to all names and files. The caller has ended the process before. */
  losePower({ names, logs, otherFiles }: PowerLoss = {}): void {
    this.powerLosses++;
    let lost = this.tree.losePower(this.random, names);
    for (const [path, content] of this.tree.entries())
      lost = content.losePower(this.random, isLog(path) ? logs : otherFiles) || lost;
    if (!lost) return;
    this.world.count('disk unsynced data lost');
  }

  /** Replaces the disk by an empty one. */
  wipe(): void {
    this.tree = new FileTree();
    this.quorumStore.wipe();
    this.syncs.replaced();
    this.isDamaged = false;
    this.wasReplaced = true;
    this.mayGoAstray = undefined;
    this.crash = undefined;
    this.isFatalVote = undefined;
    this.failing = undefined;
  }

  /** Cancels armed faults that have not struck. After this no sync or call blocks, and no read is refused. */
  disarm(): void {
    this.crash = undefined;
    this.isFatalVote = undefined;
    this.mayGoAstray = undefined;
    this.syncs.disarm();
    this.slowCalls.set(undefined);
    this.failingReads.set(undefined);
    this.quorumStore.disarm();
  }

  setFull(full: boolean): void {
    this.isFull = full;
  }

  /** Sets how much room the disk has while it is not full; undefined: as much as at first. */
  setFreeBytes(freeBytes: number | undefined): void {
    this.freeBytes = freeBytes ?? USABLE_BYTES;
  }

  /** Sets how much longer than usual a sync may take; undefined: as usual. */
  setSlow(syncMs: number | undefined): void {
    this.slowMs = syncMs;
  }

  /** From now on writes to this path, and below it, fail with this error until the run replaces the disk. */
  failWrites(below: string, code: string): void {
    this.failing = { below, code };
    this.isDamaged = true;
  }

  /** The process dies in the n-th write from now, after a random number of the bytes of that write. */
  crashAtWrite(writes: number, death: Death): void {
    this.crash = { writesLeft: writes, death };
  }

  /**
   * The process dies while a controller's vote is on its way to the device. The disk calls `isFatal` for each
   * vote until `isFatal` returns true.
   */
  crashInVote(isFatal: (votedFor: NodeId) => boolean): void {
    this.isFatalVote = isFatal;
  }

  /** Misdirects the next write to a log for which `isAllowed` returns true. */
  misdirectNextWrite(isAllowed: () => boolean): void {
    this.mayGoAstray = isAllowed;
  }

  /**
   * Makes a sector of some log unreadable. Returns the place of the sector, or undefined if every log is
   * empty.
   */
  failSector(random: Prng): string | undefined {
    const logs = [...this.tree.entries()].filter(([path, { length }]) => isLog(path) && length > 0);
    if (logs.length === 0) return undefined;
    const [path, content] = logs[random.below(logs.length)]!;
    const sector = random.below(Math.ceil(content.length / SECTOR_BYTES));
    content.badSectors.add(sector);
    this.isDamaged = true;
    return `${path} at ${sector * SECTOR_BYTES}`;
  }

  /**
   * Calls `look`, in which a checker reads the disk through the product's code. Meanwhile reads do not fail
   * and change no counts.
   */
  inspect<T>(look: () => T): T {
    this.isInspected = true;
    try {
      return look();
    } finally {
      this.isInspected = false;
    }
  }

  // ------------------------------------------------------------------ for the seams

  get space(): DiskSpace {
    return { totalBytes: TOTAL_BYTES, usableBytes: this.isFull ? 0 : this.freeBytes };
  }

  /** Whether some calls of a process may fail now. */
  get refusesCalls(): boolean {
    return this.isFull || this.failing !== undefined || this.failingReads.isActive;
  }

  isWritable(path: string): boolean {
    return this.failing === undefined || !`${path}/`.startsWith(`${this.failing.below}/`);
  }

  checkWritable(path: string): void {
    if (this.isWritable(path)) return;
    this.world.count('disk write failed');
    throw new DiskError(this.failing!.code, `${path}: cannot be written`);
  }

  checkSpace(path: string): void {
    this.checkWritable(path);
    if (this.isFull) throw new DiskError('ENOSPC', `${path}: no space left on the device`);
  }

  /** Time that the device takes for one operation. */
  latencyUs(): Micros {
    const usual = LATENCY_US_MIN + this.random.below(LATENCY_US_MAX);
    return this.slowMs === undefined ? usual : usual + this.random.below(this.slowMs * 1000);
  }

  /** Time until a sync of this path completes. */
  syncLatencyUs(path: string): Micros {
    return this.latencyUs() + this.syncs.delayUs(path, this.random);
  }

  countOf(what: string): void {
    this.world.count(what);
  }

  /** Called when a process opens or reads a file. */
  checkDescriptors(path: string): void {
    if (!this.isInspected) this.failingReads.called(path);
  }

  checkReadable(path: string, badSectors: ReadonlySet<number>, position: number, sizeBytes: number): void {
    if (badSectors.size === 0 || this.isInspected) return;
    for (const sector of badSectors) {
      const at = sector * SECTOR_BYTES;
      if (at < position + sizeBytes && at + SECTOR_BYTES > position) {
        this.world.count('disk read failed');
        throw new DiskError('EIO', `${path}: input/output error`);
      }
    }
  }

  /** Called when a vote begins its way to the device, which takes `latencyUs`. */
  voteBegins(life: Life, votedFor: NodeId, latencyUs: Micros): void {
    if (this.isFatalVote?.(votedFor) !== true) return;
    this.isFatalVote = undefined;
    this.world.count('controller died in a vote');
    this.world.after(life.random.fork('vote').below(latencyUs), () => life.die('process'));
  }

  /**
   * Number of bytes of this write that reach the file: all, unless a planned crash strikes now. Then it is a
   * random number, and the process dies after these bytes.
   */
  bytesBeforeCrash(life: Life, sizeBytes: number): number {
    const { crash } = this;
    if (crash === undefined || --crash.writesLeft > 0) return sizeBytes;
    this.crash = undefined;
    this.dying = { life, death: crash.death };
    return this.random.below(sizeBytes + 1);
  }

  private dying: { readonly life: Life; readonly death: Death } | undefined;

  /**
   * Called after each write. If a planned crash has cut this write short, ends the process and throws
   * CrashSignal.
   */
  dieIfMeant(): void {
    const { dying } = this;
    if (dying === undefined) return;
    this.dying = undefined;
    dying.life.die(dying.death);
    throw new CrashSignal('the process was killed in the middle of a write');
  }

  /**
   * The wrong place to which the disk puts this write. Undefined: the disk does not misdirect the write. The
   * place is never the beginning of a log: there, a whole batch with fitting offsets would look like the
   * right one.
   */
  strayPlace(path: string, position: number): { path: string; position: number } | undefined {
    if (this.mayGoAstray === undefined || !isLog(path)) return undefined;
    const logs = [...this.tree.entries()].filter(
      ([other, { length }]) => isLog(other) && length > SECTOR_BYTES,
    );
    const target = logs.length === 0 ? undefined : logs[this.random.below(logs.length)]!;
    if (target === undefined) return undefined;
    const sectors = Math.floor(target[1].length / SECTOR_BYTES);
    const place = { path: target[0], position: (1 + this.random.below(sectors)) * SECTOR_BYTES };
    if (place.path === path && place.position === position) return undefined;
    if (!this.mayGoAstray()) return undefined;
    this.mayGoAstray = undefined;
    this.isDamaged = true;
    this.world.count('disk write went astray');
    this.world.tell(this.name, 'write-went-astray', { meant: `${path}@${position}`, ...place });
    return place;
  }

  checkAlive(life: Life): void {
    assert(life.host.life === life || !life.isAlive, 'a disk serves the process of its machine');
    if (!life.isAlive) throw new CrashSignal('the process is dead');
  }
}

function isLog(path: string): boolean {
  return path.endsWith('.log');
}
