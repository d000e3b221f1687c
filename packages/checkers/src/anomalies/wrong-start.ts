/**
 * A member of a group begins to read a partition at the committed offset that the member has fetched, or at
 * the beginning of the log if the group has committed no offset. From there the member continues without a
 * gap. If the log begins above the member's position, the member continues at the beginning of the log.
 */
import type { HistoryCheckerKind, HistoryScope } from '../checker.ts';
import type { FetchOffsetOp, GroupReadOp, Op } from '../history.ts';
import { placeText, secondsText } from '../offset-registers.ts';

const NAME = 'wrong-start';

export const wrongStart: HistoryCheckerKind = {
  name: NAME,
  sentence:
    'a member of a group begins to read a partition at the committed offset, or at the beginning of the log if the group has no committed offset',
  make: (scope) => new WrongStart(scope),
};

/**
 * What one client of a group knows about one partition of a topic. The key is the topic's name, and another
 * topic may take this name during the run.
 */
interface Place {
  last: GroupReadOp | undefined;
  /**
   * The fetches of the committed offset since the last read. All of them count, because a member may ignore
   * an answer that comes too late.
   */
  fetched: FetchOffsetOp[];
}

class WrongStart {
  private readonly scope: HistoryScope;
  private readonly places = new Map<string, Place>();
  private readonly suspects: { readonly read: GroupReadOp; readonly place: Place }[] = [];

  constructor(scope: HistoryScope) {
    this.scope = scope;
  }

  op(op: Op): void {
    if (op.type === 'fetch-offset') this.place(op).fetched.push(op);
    else if (op.type === 'group-read') this.read(op);
  }

  /** Reports at the end, because a topic may become exempt after the read. */
  finish(): void {
    const sendsOn = this.scope.finalLogs.sendsOn();
    for (const { read, place } of this.suspects) {
      if (this.scope.isExempt(read)) continue;
      const { fetchOffset, endedUs } = read;
      if (positionsOf(read, place).some((position) => sendsOn(read, position, fetchOffset, endedUs)))
        continue;
      const shown = place.fetched.map(({ offset }) => (offset < 0 ? 'no offset' : `${offset}`));
      const known = [
        ...(place.last === undefined ? [] : [`has read up to ${place.last.nextOffset}`]),
        ...(shown.length === 0 ? [] : [`has fetched ${shown.join(' and ')}`]),
      ];
      this.scope.report(
        NAME,
        `${read.client} read ${placeText(read)} from ${read.fetchOffset} on at ${secondsText(read.endedUs)}, but it ${known.join(' and ') || 'has fetched nothing'}`,
      );
    }
  }

  private read(read: GroupReadOp): void {
    const place = this.place(read);
    if (!mayBegin(read, place)) this.suspects.push({ read, place: { ...place } });
    place.last = read;
    place.fetched = [];
  }

  private place({ client, group, topic, partition }: FetchOffsetOp | GroupReadOp): Place {
    const key = `${client} ${group}/${topic}-${partition}`;
    let place = this.places.get(key);
    if (place === undefined) {
      place = { last: undefined, fetched: [] };
      this.places.set(key, place);
    }
    return place;
  }
}

function mayBegin(read: GroupReadOp, place: Place): boolean {
  return positionsOf(read, place).includes(read.fetchOffset);
}

/**
 * The offsets at which the member may begin this read. `sendsOn` adds those that follow from a log start
 * above 0.
 */
function positionsOf({ topicId }: GroupReadOp, { last, fetched }: Place): number[] {
  const isOther = (one: FetchOffsetOp | GroupReadOp) => one.topicId !== topicId;
  const positions = fetched
    .filter((one) => one.topicId === undefined || !isOther(one))
    .map(({ offset }) => Math.max(0, offset));
  if (last !== undefined && !isOther(last)) positions.push(last.nextOffset);
  // What the member knows is about another topic of this name. So the member reads the new topic from offset
  // 0, unless it has fetched a committed offset of the new topic.
  const isShown = fetched.some((one) => !isOther(one));
  const knowsOther = [...(last === undefined ? [] : [last]), ...fetched].some(isOther);
  if (!isShown && knowsOther) positions.push(0);
  return positions;
}
