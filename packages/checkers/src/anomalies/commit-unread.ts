/**
 * A group leaves out no record: when a member commits an offset, members of its group have got every record
 * below this offset. Logs begin at offset 0, and a member without a committed offset begins there.
 */
import type { HistoryCheckerKind, HistoryScope } from '../checker.ts';
import type { CommitOp, GroupReadOp, Micros, Op } from '../history.ts';
import { placeText, secondsText } from '../offset-registers.ts';

const NAME = 'commit-unread';

export const commitUnread: HistoryCheckerKind = {
  name: NAME,
  sentence:
    'a member of a group commits an offset only after members of the group have got all records below it',
  make: (scope) => new CommitUnread(scope),
};

/** Since `sinceUs` the group has all records below `upTo`. */
interface Step {
  readonly sinceUs: Micros;
  readonly upTo: number;
}

class CommitUnread {
  private readonly scope: HistoryScope;
  /** Names of the topics whose id some read has shown. */
  private readonly known = new Set<string>();
  private readonly steps = new Map<string, Step[]>();
  private readonly suspects: { readonly commit: CommitOp; readonly upTo: number }[] = [];

  constructor(scope: HistoryScope) {
    this.scope = scope;
  }

  op(op: Op): void {
    if (op.type === 'group-read') this.read(op);
    else if (op.type === 'commit' && op.member !== undefined) this.judge(op);
  }

  /** Reports at the end, because a topic may become exempt after the commit. */
  finish(): void {
    for (const { commit, upTo } of this.suspects) {
      if (this.scope.isExempt(commit)) continue;
      const { client, offset, invokedUs } = commit;
      this.scope.report(
        NAME,
        `${client} committed ${offset} for ${placeText(commit)} at ${secondsText(invokedUs)}, but the group had got only the records below ${upTo}`,
      );
    }
  }

  private read(op: GroupReadOp): void {
    if (op.topicId !== undefined) this.known.add(op.topic);
    const steps = this.steps.get(keyOf(op)) ?? [];
    const upTo = steps.at(-1)?.upTo ?? 0;
    if (op.fetchOffset > upTo || op.nextOffset <= upTo) return;
    steps.push({ sinceUs: op.endedUs, upTo: op.nextOffset });
    this.steps.set(keyOf(op), steps);
  }

  private judge(commit: CommitOp): void {
    // The commit names its topic only by name, and several topics may have had this name.
    if (commit.topicId === undefined && this.known.has(commit.topic)) return;
    const steps = this.steps.get(keyOf(commit)) ?? [];
    const upTo = steps.findLast(({ sinceUs }) => sinceUs <= commit.invokedUs)?.upTo ?? 0;
    if (commit.offset > upTo) this.suspects.push({ commit, upTo });
  }
}

function keyOf({ group, topic, topicId, partition }: CommitOp | GroupReadOp): string {
  return `${group}/${topicId ?? topic}-${partition}`;
}
