/**
 * Compares each consumer's position in each partition with the records that it gets. Without compaction and
 * transactions offsets have no gaps, so the next record must be the one at the position. The names are
 * Jepsen's. Names with `int-` are about two records of one answer, the others about two answers.
 */
import type { HistoryCheckerKind, HistoryScope } from '../checker.ts';
import { byBroker, type Op, type PollOp, type TopicRef } from '../history.ts';

type Between = 'poll-skip' | 'nonmonotonic-poll';
type Within = 'int-poll-skip' | 'int-nonmonotonic-poll';

function between(name: Between, sentence: string): HistoryCheckerKind {
  return { name, sentence, make: (scope) => new Positions(scope, name) };
}

function within(name: Within, sentence: string): HistoryCheckerKind {
  return { name, sentence, make: (scope) => ({ op: (op) => checkWithin(scope, name, op) }) };
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

class Positions {
  private readonly scope: HistoryScope;
  private readonly anomaly: Between;
  /**
   * The next offset that a consumer must get, by client, topic name and partition. A position in another
   * topic of the same name does not count.
   */
  private readonly positions = new Map<string, Position>();

  constructor(scope: HistoryScope, anomaly: Between) {
    this.scope = scope;
    this.anomaly = anomaly;
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
        if (anomaly === this.anomaly) report(this.scope, anomaly, op, position, first);
      }
      this.positions.set(key, { of: op, offset: op.records.at(-1)!.offset + 1 });
    }
  }
}

function checkWithin(scope: HistoryScope, wanted: Within, op: Op): void {
  if (op.type !== 'poll' || op.records.length === 0) return;
  let expected = op.records[0]!.offset;
  for (const { offset } of op.records) {
    if (offset !== expected) {
      const anomaly = offset > expected ? 'int-poll-skip' : 'int-nonmonotonic-poll';
      if (anomaly === wanted) report(scope, anomaly, op, expected, offset);
    }
    expected = offset + 1;
  }
}

function report(
  scope: HistoryScope,
  anomaly: Between | Within,
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
