/**
 * Compares each consumer's position in each partition with the records that it gets. Without compaction and
 * transactions offsets have no gaps, so the next record must be the one at the position. If the records have
 * keys, the log may be compacted: then the checkers decide at the end of the run whether compaction may have
 * dropped each record of the gap (compaction.ts). The names are Jepsen's. Names with `int-` are about two
 * records of one answer, the others about two answers.
 */
import type { HistoryCheckerKind, HistoryScope } from '../checker.ts';
import { byBroker, type Op, type PollOp, type TopicRef } from '../history.ts';

type Between = 'poll-skip' | 'nonmonotonic-poll';
type Inside = 'int-poll-skip' | 'int-nonmonotonic-poll';

function between(name: Between, sentence: string): HistoryCheckerKind {
  return { name, sentence, make: (scope) => new Positions(scope, name) };
}

function within(name: Inside, sentence: string): HistoryCheckerKind {
  return { name, sentence, make: (scope) => new Within(scope, name) };
}

export const pollSkip = between(
  'poll-skip',
  'the next record of a consumer follows its last one without a gap',
);
export const nonmonotonicPoll = between(
  'nonmonotonic-poll',
  'no consumer gets a record twice, or a record below its position',
);
export const intPollSkip = within('int-poll-skip', 'the records of one answer have no gap');
export const intNonmonotonicPoll = within(
  'int-nonmonotonic-poll',
  'the records of one answer are in the order of their offsets',
);

interface Position {
  /** The topic whose record or lookup set the position. */
  readonly of: TopicRef;
  readonly offset: number;
}

/** Reports gaps. Gaps between records with keys wait until the end of the run. */
class Gaps {
  private readonly scope: HistoryScope;
  private readonly waiting: {
    readonly anomaly: Between | Inside;
    readonly op: PollOp;
    readonly from: number;
    readonly to: number;
  }[] = [];

  constructor(scope: HistoryScope) {
    this.scope = scope;
  }

  found(anomaly: Between | Inside, op: PollOp, from: number, to: number): void {
    if (op.records[0]!.key === undefined) report(this.scope, anomaly, op, from, to);
    else this.waiting.push({ anomaly, op, from, to });
  }

  finish(): void {
    if (this.waiting.length === 0) return;
    const mayBeCompacted = this.scope.finalLogs.mayBeCompacted();
    for (const { anomaly, op, from, to } of this.waiting) {
      const { highWatermark = Number.POSITIVE_INFINITY, endedUs } = op;
      if (!mayBeCompacted(op, from, to, { highWatermark, atUs: endedUs }))
        report(this.scope, anomaly, op, from, to);
    }
  }
}

class Positions {
  private readonly scope: HistoryScope;
  private readonly anomaly: Between;
  private readonly gaps: Gaps;
  /**
   * The next offset that a consumer must get, by client, topic name and partition. A position in another
   * topic of the same name does not count.
   */
  private readonly positions = new Map<string, Position>();

  constructor(scope: HistoryScope, anomaly: Between) {
    this.scope = scope;
    this.anomaly = anomaly;
    this.gaps = new Gaps(scope);
  }

  op(op: Op): void {
    if (op.type !== 'poll' && op.type !== 'assign') return;
    const key = `${op.client}/${op.topic}-${op.partition}`;
    if (op.type === 'assign') this.positions.set(key, { of: op, offset: op.offset });
    else if (op.records.length > 0) {
      const known = this.positions.get(key);
      const position = known?.of.topicId === op.topicId ? known?.offset : undefined;
      const first = op.records[0]!.offset;
      if (position !== undefined && first !== position) {
        const anomaly = first > position ? 'poll-skip' : 'nonmonotonic-poll';
        if (anomaly === this.anomaly) {
          if (anomaly === 'poll-skip') this.gaps.found(anomaly, op, position, first);
          else report(this.scope, anomaly, op, position, first);
        }
      }
      this.positions.set(key, { of: op, offset: op.records.at(-1)!.offset + 1 });
    }
  }

  finish(): void {
    this.gaps.finish();
  }
}

class Within {
  private readonly scope: HistoryScope;
  private readonly anomaly: Inside;
  private readonly gaps: Gaps;

  constructor(scope: HistoryScope, anomaly: Inside) {
    this.scope = scope;
    this.anomaly = anomaly;
    this.gaps = new Gaps(scope);
  }

  op(op: Op): void {
    if (op.type !== 'poll' || op.records.length === 0) return;
    let expected = op.records[0]!.offset;
    for (const { offset } of op.records) {
      if (offset !== expected) {
        const anomaly = offset > expected ? 'int-poll-skip' : 'int-nonmonotonic-poll';
        if (anomaly === this.anomaly) {
          if (anomaly === 'int-poll-skip') this.gaps.found(anomaly, op, expected, offset);
          else report(this.scope, anomaly, op, expected, offset);
        }
      }
      expected = offset + 1;
    }
  }

  finish(): void {
    this.gaps.finish();
  }
}

function report(
  scope: HistoryScope,
  anomaly: Between | Inside,
  op: PollOp,
  expected: number,
  got: number,
): void {
  if (scope.isExempt(op)) return;
  scope.report(
    anomaly,
    `${op.client} was given ${got} of ${op.topic}-${op.partition}${byBroker(op.brokerId)} where ${expected} was next`,
  );
}
