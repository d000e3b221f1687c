/**
 * Watches the free space of the log directory's file system. While less than `min.free.bytes` is free, the
 * broker writes no records of clients: leaders refuse them, and followers do not append them. While less than
 * half of `min.free.bytes` is free, the broker writes no records of coordinators either. The rest is for the
 * broker's own files. Measures at each call of `look`, after an append that failed, and when the appends
 * since the last measurement may have used up the room. `FreeSpace` itself refuses nothing: its callers
 * refuse, and give the reason that `FreeSpace` has noted.
 */
import type { Logger, Millis, Timers } from '@millrace/base';
import type { Room } from './partition/ports.ts';

/** How often `FreeSpace` measures during a shortage. */
const RECOVERY_LOOK_MS: Millis = 1000;
/** A measurement may block the event loop, so failed appends cause at most one measurement in this time. */
const FAILURE_LOOK_MS: Millis = 100;
/** If the file system does not answer: how many bytes may be appended before the next measurement. */
const UNMEASURED_BYTES = 1 << 20;
/** The share of `min.free.bytes` below which there is no room for the records of coordinators either. */
const COORDINATOR_SHARE = 0.5;
/**
 * A shortage ends when this share more than the limit is free. Otherwise each batch could end or begin one.
 */
const SPARE_SHARE = 0.1;

export interface FreeSpacePorts {
  readonly directory: string;
  readonly timers: Timers;
  readonly logger: Logger;
  /** `min.free.bytes`; 0: there is never a shortage. */
  minFreeBytes(): number;
  /** Undefined: the file system does not answer. `LogDirectoryWatch` finds out whether it has failed. */
  usableBytes(): number | undefined;
}

export class FreeSpace implements Room {
  /** Why the broker writes no records of clients; undefined: there is room. */
  shortage: string | undefined;
  /** Why the broker writes no records of coordinators either; undefined: there is room for them. */
  coordinatorShortage: string | undefined;
  private readonly ports: FreeSpacePorts;
  /** Bytes that may be appended before the next measurement. */
  private budgetBytes = 0;
  private isLookDue = false;
  private lookedAtMs: Millis = Number.NEGATIVE_INFINITY;

  constructor(ports: FreeSpacePorts) {
    this.ports = ports;
  }

  /** Counts the bytes of an append. Measures if the appends may have used up the room. */
  used(sizeBytes: number): void {
    this.budgetBytes -= sizeBytes;
    if (this.budgetBytes < 0 && this.coordinatorShortage === undefined) this.look();
  }

  /**
   * Why there is no room for temporary files of this size, if the space for the broker's own files must stay
   * free. Undefined: there is room, or the file system does not answer.
   */
  lackFor(sizeBytes: number): string | undefined {
    const { directory } = this.ports;
    const usableBytes = this.ports.usableBytes();
    const ownBytes = this.ports.minFreeBytes() * COORDINATOR_SHARE;
    if (usableBytes === undefined || usableBytes >= sizeBytes + ownBytes) return undefined;
    return `${directory} has ${usableBytes} bytes free, less than ${sizeBytes} for a copy plus half of min.free.bytes (${ownBytes})`;
  }

  /**
   * Called when an append failed, because the disk may be full. Measures, unless the last measurement was
   * less than `FAILURE_LOOK_MS` ago.
   */
  appendFailed(): void {
    if (this.ports.timers.now() - this.lookedAtMs >= FAILURE_LOOK_MS) this.look();
  }

  /** Measures now. Called from time to time. */
  look(): void {
    this.lookedAtMs = this.ports.timers.now();
    const usableBytes = this.ports.usableBytes();
    if (usableBytes === undefined) this.budgetBytes = UNMEASURED_BYTES;
    else this.measured(usableBytes, this.ports.minFreeBytes());
    if (this.shortage !== undefined) this.lookAgain();
  }

  private measured(usableBytes: number, minFreeBytes: number): void {
    const { directory, logger } = this.ports;
    const before = { shortage: this.shortage, coordinatorShortage: this.coordinatorShortage };
    const coordinatorFloor = minFreeBytes * COORDINATOR_SHARE;
    const setting = `min.free.bytes (${minFreeBytes})`;
    this.shortage = this.lack(usableBytes, minFreeBytes, setting, before.shortage);
    this.coordinatorShortage = this.lack(
      usableBytes,
      coordinatorFloor,
      `half of ${setting}`,
      before.coordinatorShortage,
    );
    this.budgetBytes = usableBytes - (this.shortage === undefined ? minFreeBytes : coordinatorFloor);
    const facts = { directory, usableBytes, minFreeBytes };
    if (this.shortage !== undefined && before.shortage === undefined) logger.warn('disk-space-low', facts);
    if (this.coordinatorShortage !== undefined && before.coordinatorShortage === undefined)
      logger.error('disk-space-critical', facts);
    if (this.shortage === undefined && before.shortage !== undefined)
      logger.info('disk-space-recovered', { directory, usableBytes });
  }

  /** Returns the reason of the shortage, or undefined. `before`: the result of the last measurement. */
  private lack(
    usableBytes: number,
    floorBytes: number,
    floor: string,
    before: string | undefined,
  ): string | undefined {
    const needed = before === undefined ? floorBytes : floorBytes * (1 + SPARE_SHARE);
    if (usableBytes >= needed) return undefined;
    const tenth = usableBytes < floorBytes ? '' : ' plus a tenth';
    return `${this.ports.directory} has ${usableBytes} bytes free, less than ${floor}${tenth}`;
  }

  private lookAgain(): void {
    if (this.isLookDue) return;
    this.isLookDue = true;
    this.ports.timers.after(RECOVERY_LOOK_MS, () => {
      this.isLookDue = false;
      this.look();
    });
  }
}
