/**
 * Group commit for one log: at most one round of syncs runs at a time. A caller that asks during a round
 * waits for the next round, unless the running round covers the caller's records. Owns the recovery point:
 * everything below it is on the device.
 */
import { assert, DiskError, type Offset } from '@millrace/base';
import type { FlushDone } from '../types.ts';
import { isLackOfDescriptors, worseOf } from './retrying-disk.ts';

/** A file, or the names in a folder. */
export interface Syncable {
  /** May throw DiskError; then it does not call `done`. Calls `done` in a later turn. */
  sync(done: (error?: DiskError) => void): void;
  /** Blocks until the sync is done. May throw DiskError. */
  syncNow(): void;
}

/** The same, but also calls `synced` after each sync that succeeds. */
export function whenSynced(one: Syncable, synced: () => void): Syncable {
  return {
    sync: (done) =>
      one.sync((error) => {
        if (error === undefined) synced();
        done(error);
      }),
    syncNow: () => {
      one.syncNow();
      synced();
    },
  };
}

export interface FlushPorts {
  endOffset(): Offset;
  /** Returns the files to sync for all records from this offset on. May throw DiskError. */
  prepare(fromOffset: Offset): Syncable[];
  /** Called when a sync or its preparation failed. The device may have lost any of the written records. */
  failed(error: DiskError): void;
  /**
   * Called instead when a file or folder could not be opened for the sync, because descriptors were used up.
   * The device has reported no loss. The next round must sync everything that this round was to sync.
   */
  notStarted(): void;
}

interface Round {
  /** The recovery point after this round. A truncation during the round may lower it. */
  target: Offset;
  /** The round does not cover records from here on. */
  readonly coveredEnd: Offset;
  truncated: boolean;
  syncsLeft: number;
  error: DiskError | undefined;
  readonly waiting: FlushDone[];
}

export class Flusher {
  recoveryPoint: Offset;
  /** True if this run or an earlier one may have cut off bytes that a power loss would restore. */
  private hasUnsyncedCut: boolean;
  private round: Round | undefined;
  private waitingForNext: FlushDone[] = [];
  private waitingForIdle: (() => void)[] = [];
  private readonly ports: FlushPorts;
  /** True from `stop` on: no further round begins. */
  private isStopped = false;
  /** The first loss that another sync found. */
  private loss: DiskError | undefined;

  constructor(recoveryPoint: Offset, hasUnsyncedCut: boolean, ports: FlushPorts) {
    this.recoveryPoint = recoveryPoint;
    this.hasUnsyncedCut = hasUnsyncedCut;
    this.ports = ports;
  }

  /** True while a round is in flight. */
  get busy(): boolean {
    return this.round !== undefined;
  }

  flush(done: FlushDone): void {
    const endOffset = this.ports.endOffset();
    if (this.round !== undefined) {
      const covered = !this.round.truncated && this.round.coveredEnd >= endOffset;
      (covered ? this.round.waiting : this.waitingForNext).push(done);
      return;
    }
    if (this.recoveryPoint >= endOffset) {
      done();
      return;
    }
    this.start([done]);
  }

  /** Called for a truncation: the log now ends at `endOffset`, and records appended from there on are new. */
  truncated(endOffset: Offset): void {
    this.recoveryPoint = Math.min(this.recoveryPoint, endOffset);
    this.hasUnsyncedCut = true;
    if (this.round === undefined) return;
    this.round.target = Math.min(this.round.target, endOffset);
    this.round.truncated = true;
  }

  /** Called when the log is emptied: it now begins at `offset`. */
  restarted(offset: Offset): void {
    this.truncated(offset);
    this.recoveryPoint = offset;
  }

  /**
   * Called when the log closes. The callers that wait for the next round then get an error. A further round
   * would open the files of the log by their paths, and so create them in the folder of a new log that has
   * the same name.
   */
  stop(): void {
    this.isStopped = true;
  }

  /**
   * Called when another sync of a file of this log failed. A device reports a lost write only once, so the
   * syncs of a running round may succeed although the device lacks a write that they should cover. So from
   * now on every round fails, and the recovery point stays.
   */
  lost(error: DiskError): void {
    this.loss ??= error;
  }

  /** Calls `done` when no round is in flight: at once, or in a later turn. */
  whenIdle(done: () => void): void {
    if (this.round === undefined) done();
    else this.waitingForIdle.push(done);
  }

  /**
   * Blocks until everything is on the device, also the given other files. For a clean stop. No round may be
   * in flight: a device reports a lost write only once, perhaps to that round, and then this sync would
   * succeed although records are lost. May throw DiskError.
   */
  flushNow(others: () => Syncable[] = () => []): void {
    assert(this.round === undefined, 'a clean stop waits for the round of syncs');
    const endOffset = this.ports.endOffset();
    const isDue = this.recoveryPoint < endOffset || this.hasUnsyncedCut;
    try {
      if (isDue) for (const one of this.ports.prepare(this.recoveryPoint)) one.syncNow();
      for (const one of others()) one.syncNow();
    } catch (error) {
      if (error instanceof DiskError) this.report(error);
      throw error;
    }
    // A sync above may have opened a file. To make room, another file of this log may have been synced.
    if (this.loss !== undefined) throw this.loss;
    this.recoveryPoint = endOffset;
    this.hasUnsyncedCut = false;
  }

  /**
   * Like `flushNow`, in the background: calls `done` in a later turn, or now if there is nothing to sync. No
   * round may be in flight.
   */
  flushAll(others: () => Syncable[], done: FlushDone): void {
    assert(this.round === undefined, 'a clean stop waits for the round of syncs');
    const isDue = this.recoveryPoint < this.ports.endOffset() || this.hasUnsyncedCut;
    this.start([done], { isDue, others });
  }

  private start(
    waiting: FlushDone[],
    o: { readonly isDue: boolean; readonly others: () => Syncable[] } = { isDue: true, others: () => [] },
  ): void {
    const target = this.ports.endOffset();
    const round: Round = {
      target,
      coveredEnd: target,
      truncated: false,
      syncsLeft: 0,
      error: undefined,
      waiting,
    };
    this.round = round;
    let all: Syncable[] = [];
    try {
      if (o.isDue) all = this.ports.prepare(this.recoveryPoint);
      all = [...all, ...o.others()];
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      round.error = error;
    }
    // Count one sync more than `all` has. So the round ends only after the loop, even if no sync starts.
    round.syncsLeft = all.length + 1;
    for (const one of all) this.syncOne(one, round);
    this.syncDone(round);
  }

  private syncOne(one: Syncable, round: Round): void {
    try {
      one.sync((error) => {
        if (error !== undefined) this.syncFailed(error, round);
        this.syncDone(round);
      });
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      this.syncFailed(error, round);
      this.syncDone(round);
    }
  }

  /**
   * Reports a lost write at once. Until the other syncs of the round end, reads could find that the system
   * has dropped what it could not write.
   */
  private syncFailed(error: DiskError, round: Round): void {
    round.error = worseOf(round.error, error);
    if (this.loss === undefined && !isLackOfDescriptors(error)) this.report(error);
  }

  private report(error: DiskError): void {
    if (isLackOfDescriptors(error)) this.ports.notStarted();
    else this.ports.failed(error);
  }

  private syncDone(round: Round): void {
    round.syncsLeft--;
    if (round.syncsLeft > 0) return;
    assert(this.round === round, 'one round at a time');
    this.round = undefined;
    const error = this.loss ?? round.error;
    if (error === undefined) {
      this.recoveryPoint = Math.max(this.recoveryPoint, round.target);
      if (!round.truncated) this.hasUnsyncedCut = false;
    } else if (this.loss === undefined) this.report(error);
    const next = this.waitingForNext;
    this.waitingForNext = [];
    for (const done of round.waiting) done(error);
    // After a success, flush again for the callers of the next round; a truncation may have left nothing to
    // flush. After a failure, fail them without another sync. A device reports a lost write only once, so
    // another sync would succeed although records are lost.
    const refusal = error ?? (this.isStopped ? new DiskError('EIO', 'the log is closed') : undefined);
    for (const done of next) {
      if (refusal === undefined) this.flush(done);
      else done(refusal);
    }
    if (this.round !== undefined) return;
    for (const done of this.waitingForIdle.splice(0)) done();
  }
}
