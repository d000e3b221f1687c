/**
 * A group leaves out no record: when a member commits an offset, members of its group have got every record
 * below this offset that was in the log. A member without a committed offset begins where the log begins. If
 * the log begins above the member's position, the member continues at the beginning of the log.
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
  /** Names of the topics whose id some read has shown. */
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

  /** Judges only at the end: until then a topic may become exempt, and no log start offset is known. */
  finish(): void {
    const sendsOn = this.scope.finalLogs.sendsOn();
    const steps = new Map([...this.reads].map(([key, reads]) => [key, stepsOf(reads, sendsOn)]));
    for (const { commit, isNameKnown } of this.commits) {
      // The commit names its topic only by name, and several topics may have had this name.
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
