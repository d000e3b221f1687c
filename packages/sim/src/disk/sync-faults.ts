/**
 * The faults of one disk's syncs: a sync that fails, once or until the disk is replaced, and syncs that do
 * not complete for a while. A path names a file, or a folder whose names are synced.
 */
import { DiskError } from '@millrace/base';
import type { Micros, World } from '../world/index.ts';
import type { PagesAfterFailure } from './content.ts';

export interface SyncFailure {
  /** Fails syncs of this path and of everything below it. */
  readonly below: string;
  readonly code: string;
  /** True: every sync fails until the disk is replaced. False: one sync fails. */
  readonly isLasting: boolean;
  readonly pages: PagesAfterFailure;
  /** Called once for each sync that can fail. False: this sync succeeds. */
  readonly mayFail: () => boolean;
}

/** What one failed sync does. */
export interface FailedSync {
  readonly error: DiskError;
  readonly pages: PagesAfterFailure;
}

export class SyncFaults {
  private readonly world: World;
  private failure: SyncFailure | undefined;
  private hasFailed = false;
  private blocked: { readonly below: string; readonly untilUs: Micros } | undefined;

  constructor(world: World) {
    this.world = world;
  }

  fail(failure: SyncFailure): void {
    this.failure = failure;
    this.hasFailed = false;
  }

  /**
   * Delays the syncs that begin before `untilUs`, of this path and of everything below it. These syncs
   * complete shortly after `untilUs`, in any order. Syncs of other paths do not wait. Synchronous syncs never
   * wait.
   */
  block(below: string, untilUs: Micros): void {
    this.blocked = { below, untilUs };
  }

  /** Cancels a failure that has not struck yet. Later syncs no longer block. */
  disarm(): void {
    if (this.failure?.isLasting !== true || !this.hasFailed) this.failure = undefined;
    this.blocked = undefined;
  }

  /** Called when the run replaces the disk. */
  replaced(): void {
    this.failure = undefined;
    this.blocked = undefined;
  }

  /** Time that a sync of this path waits beyond the device's usual time. */
  delayUs(path: string, random: { below(limit: number): number }): Micros {
    const { blocked, world } = this;
    if (blocked === undefined || world.nowUs >= blocked.untilUs || !isBelow(path, blocked.below)) return 0;
    world.count('disk sync blocked');
    return blocked.untilUs - world.nowUs + random.below(LATE_US_MAX);
  }

  /** The failure of this sync, or undefined if the sync succeeds. Called once for each sync. */
  take(path: string): FailedSync | undefined {
    const { failure, world } = this;
    if (failure === undefined || !isBelow(path, failure.below) || !failure.mayFail()) return undefined;
    this.hasFailed = true;
    if (!failure.isLasting) this.failure = undefined;
    world.count('disk sync failed');
    return { error: new DiskError(failure.code, `${path}: cannot be synced`), pages: failure.pages };
  }
}

/**
 * Each blocked sync ends at a random time within this time after the end of the block, so the order of the
 * syncs is random.
 */
const LATE_US_MAX: Micros = 5_000;

function isBelow(path: string, folder: string): boolean {
  return `${path}/`.startsWith(`${folder}/`);
}
