/**
 * Guards `min.free.bytes` of the log directory's file system. While less is free, the broker writes no
 * records of clients: leaders refuse them, and followers do not append them. The rest of the space is for
 * the broker's own files and for the records of coordinators. Measures at each look, and when the appends
 * since the last measurement may have used up the room. Never decides what to refuse.
 */
import type { Logger, Millis, Timers } from '@millrace/base';
import type { Room } from './partition/ports.ts';

/** How often the guard measures during a shortage. */
const RECOVERY_LOOK_MS: Millis = 1000;
/** When the file system does not answer: the appends until the next measurement. */
const UNMEASURED_BYTES = 1 << 20;
/** A shortage ends when this share more is free. Otherwise each batch could end or begin a shortage. */
const SPARE_SHARE = 0.1;

export interface FreeSpacePorts {
  readonly directory: string;
  readonly timers: Timers;
  readonly logger: Logger;
  /** `min.free.bytes`; 0: never refuse. */
  minFreeBytes(): number;
  /** Undefined: the file system does not answer. The watch of the directory deals with that. */
  usableBytes(): number | undefined;
}

export class FreeSpace implements Room {
  /** Why the broker writes no records of clients; undefined: there is room. */
  shortage: string | undefined;
  private readonly ports: FreeSpacePorts;
  /** Bytes that may be appended before the next measurement. */
  private budgetBytes = 0;
  private isLookDue = false;

  constructor(ports: FreeSpacePorts) {
    this.ports = ports;
  }

  /** Called after each append. */
  used(sizeBytes: number): void {
    this.budgetBytes -= sizeBytes;
    if (this.budgetBytes < 0 && this.shortage === undefined) this.look();
  }

  /** Measures now. Called from time to time, and when an append failed. */
  look(): void {
    const usableBytes = this.ports.usableBytes();
    if (usableBytes === undefined) this.budgetBytes = UNMEASURED_BYTES;
    else this.measured(usableBytes, this.ports.minFreeBytes());
    if (this.shortage !== undefined) this.lookAgain();
  }

  private measured(usableBytes: number, minFreeBytes: number): void {
    const { directory, logger } = this.ports;
    const wasLow = this.shortage !== undefined;
    const needed = wasLow ? minFreeBytes * (1 + SPARE_SHARE) : minFreeBytes;
    const isLow = usableBytes < needed;
    const tenth = usableBytes < minFreeBytes ? '' : ' and a tenth';
    this.shortage = isLow
      ? `${directory} has ${usableBytes} bytes free, less than min.free.bytes (${minFreeBytes})${tenth}`
      : undefined;
    this.budgetBytes = usableBytes - minFreeBytes;
    if (isLow && !wasLow) logger.warn('disk-space-low', { directory, usableBytes, minFreeBytes });
    if (!isLow && wasLow) logger.info('disk-space-recovered', { directory, usableBytes });
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
