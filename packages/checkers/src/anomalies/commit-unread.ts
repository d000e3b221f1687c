/**
 * A group leaves out no record: when a member commits an offset, the members of its group together have got
 * every record below this offset that was in the log. A group without a committed offset begins where the log
 * begins. If the log begins above a member's position, the member continues at the beginning of the log.
 */
import type { HistoryCheckerKind, HistoryScope } from '../checker.ts';
import type { CommitOp, GroupReadOp, Micros, Op } from '../history.ts';
import { placeText, secondsText } from '../offset-registers.ts';

const NAME = 'commit-unread';

export const commitUnread: HistoryCheckerKind = {
  name: NAME,
  sentence:
    'a member of a group commits an offset only after members of the group have got all records below this offset',
  make: (scope) => new CommitUnread(scope),
};

/** Since `sinceUs` the group has got all records below `upTo` that were in the log. */
interface Step {
  readonly sinceUs: Micros;
  readonly upTo: number;
}

type SendsOn = ReturnType<HistoryScope['finalLogs']['sendsOn']>;

class CommitUnread {
  private readonly scope: HistoryScope;
  /** Names of the topics for which some read had a topic id. */
  private readonly known = new Set<string>();
  private readonly reads = new Map<string, GroupReadOp[]>();
  private readonly commits: { readonly commit: CommitOp; readonly isNameKnown: boolean }[] = [];

  constructor(scope: HistoryScope) {
    this.scope = scope;
  }

  op(op: Op): void {
    if (op.type === 'group-read') {
      if (op.topicId !== undefined) this.known.add(op.topic);
      const reads = this.reads.get(keyOf(op));
      if (reads === undefined) this.reads.set(keyOf(op), [op]);
      else reads.push(op);
    } else if (op.type === 'commit' && op.member !== undefined)
      this.commits.push({ commit: op, isNameKnown: this.known.has(op.topic) });
  }

  /**
   * Judges only at the end of the run, for two reasons: a topic may become exempt until then, and the log
   * start offsets are not known earlier.
   */
  finish(): void {
    const sendsOn = this.scope.finalLogs.sendsOn();
    const steps = new Map([...this.reads].map(([key, reads]) => [key, stepsOf(reads, sendsOn)]));
    for (const { commit, isNameKnown } of this.commits) {
      // The commit has no topic id, and several topics may have had this name. So nobody knows which topic it
      // means.
      if (commit.topicId === undefined && isNameKnown) continue;
      const { client, offset, invokedUs } = commit;
      const upTo = steps.get(keyOf(commit))?.findLast(({ sinceUs }) => sinceUs <= invokedUs)?.upTo ?? 0;
      if (offset <= upTo || this.scope.isExempt(commit) || sendsOn(commit, upTo, offset, invokedUs)) continue;
      this.scope.report(
        NAME,
        `${client} committed ${offset} for ${placeText(commit)} at ${secondsText(invokedUs)}, but the group had got only the records below ${upTo}`,
      );
    }
  }
}

function stepsOf(reads: readonly GroupReadOp[], sendsOn: SendsOn): Step[] {
  const steps: Step[] = [];
  let upTo = 0;
  for (const read of reads) {
    const { fetchOffset, nextOffset, endedUs } = read;
    if (nextOffset <= upTo || (fetchOffset > upTo && !sendsOn(read, upTo, fetchOffset, endedUs))) continue;
    upTo = nextOffset;
    steps.push({ sinceUs: endedUs, upTo });
  }
  return steps;
}

function keyOf({ group, topic, topicId, partition }: CommitOp | GroupReadOp): string {
  return `${group}/${topicId ?? topic}-${partition}`;
}
