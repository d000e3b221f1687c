/**
 * The commits of a group's consumer, one in flight at a time: two at once could arrive in the wrong order,
 * and the older one would move offsets back.
 */
import type { Millis } from '@millrace/base';
import { type GroupOffsets, partitionErrorText } from './group-offsets.ts';
import type { GroupMember } from './member.ts';
import type { CommittedOffset } from './offset-requests.ts';
import type { StoredOffsets } from './stored-offsets.ts';
import { partitionName } from './topic-partitions.ts';

export interface CommitsOptions {
  readonly offsets: Pick<GroupOffsets, 'commit'>;
  readonly stored: StoredOffsets;
  readonly member: () => Pick<GroupMember, 'committer'>;
  /** Called after each commit. `error` undefined: the coordinator has the offsets. */
  committed(offsets: readonly CommittedOffset[], error: string | undefined): void;
}

/**
 * `error` undefined: the coordinator has all offsets that were stored when the caller asked for the commit.
 */
export type CommitDone = (error: string | undefined) => void;

interface InFlight {
  readonly offsets: readonly CommittedOffset[];
  readonly callers: CommitDone[];
  /** The error that `forgot` got. The callers get it only if another commit replaces this one. */
  forgotten?: string;
  /** Ends the call to the coordinator. */
  stop(): void;
}

export class Commits {
  private readonly options: CommitsOptions;
  private inFlight: InFlight | undefined;
  /** The callers whose commit begins when the commit in flight has ended. */
  private next: CommitDone[] = [];

  constructor(options: CommitsOptions) {
    this.options = options;
  }

  /** Commits the stored offsets, as soon as the commit in flight has ended. */
  commit(done: CommitDone): void {
    if (this.inFlight === undefined) this.start([done]);
    else this.next.push(done);
  }

  /**
   * Commits the stored offsets at once. Stops the commit in flight, which has the same offsets or older ones.
   * The callers of the stopped commit get the result of the new commit, after `done`.
   */
  replace(done: CommitDone, timeoutMs?: Millis): void {
    const { inFlight } = this;
    const replaced = warned(inFlight?.callers ?? [], inFlight?.forgotten);
    const callers = [done, ...replaced, ...this.next.splice(0)];
    inFlight?.stop();
    this.inFlight = undefined;
    this.start(callers, timeoutMs);
  }

  /** Calls back when the commit in flight has ended, or at once if no commit is in flight. */
  settled(done: () => void): void {
    if (this.inFlight === undefined) done();
    else this.inFlight.callers.push(done);
  }

  /** Ends the commit in flight, and those that wait, with this error. */
  stop(error: string): void {
    const { inFlight } = this;
    if (inFlight === undefined) return;
    const waiting = this.next.splice(0);
    inFlight.stop();
    this.ended(inFlight, error);
    for (const done of waiting) done(error);
  }

  /**
   * Call it when the owner has forgotten offsets that the coordinator does not have. The callers whose commit
   * has not begun get this error. The callers of the commit in flight get the error only if another commit
   * replaces it, because the replacement does not have these offsets.
   */
  forgot(error: string): void {
    this.next = warned(this.next, error);
    if (this.inFlight !== undefined) this.inFlight.forgotten ??= error;
  }

  private start(callers: CommitDone[], timeoutMs?: Millis): void {
    const { offsets, stored, member } = this.options;
    const wanted = stored.uncommitted();
    if (wanted.length === 0) {
      for (const done of callers) done(undefined);
      return;
    }
    const commit: InFlight = { offsets: wanted, callers, stop: () => {} };
    this.inFlight = commit;
    commit.stop = offsets.commit(
      wanted,
      (error, failed) => {
        const names = new Set(failed.map(partitionName));
        const isWhole = error === undefined || failed.length > 0;
        if (isWhole) stored.isCommitted(wanted.filter((offset) => !names.has(partitionName(offset))));
        this.ended(commit, failed.length > 0 ? failed.map(partitionErrorText).join(', ') : error);
      },
      { committer: member().committer(), ...(timeoutMs === undefined ? {} : { timeoutMs }) },
    );
  }

  private ended({ offsets, callers }: InFlight, error: string | undefined): void {
    this.inFlight = undefined;
    this.options.committed(offsets, error);
    for (const done of callers) done(error);
    if (this.inFlight !== undefined || this.next.length === 0) return;
    this.start(this.next.splice(0));
  }
}

/** The callers, wrapped so that each gets this error if its commit has succeeded. */
function warned(callers: readonly CommitDone[], error: string | undefined): CommitDone[] {
  return callers.map((done) => (ownError) => done(ownError ?? error));
}
