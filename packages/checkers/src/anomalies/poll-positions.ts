/**
 * Compares each consumer's position in each partition with the records that it gets. Without compaction and
 * transactions offsets have no gaps, so the next record must be the one at the position. Jepsen's names tell
 * whether an offset is wrong within an answer (`int-…`) or between two answers.
 */
import type { HistoryCheckerKind, HistoryScope } from '../checker.ts';
import { byBroker, type Op, type PollOp, type TopicRef } from '../history.ts';

type Anomaly = 'poll-skip' | 'nonmonotonic-poll' | 'int-poll-skip' | 'int-nonmonotonic-poll';

function kind(name: Anomaly, sentence: string): HistoryCheckerKind {
  return { name, sentence, make: (scope) => new Positions(scope, name) };
}

export const pollSkip = kind('poll-skip', 'the next record of a consumer follows its last one without a gap');
export const nonmonotonicPoll = kind(
  'nonmonotonic-poll',
  'no consumer gets a record twice, or a record below its position',
);
export const intPollSkip = kind('int-poll-skip', 'the records of one answer have no gap');
export const intNonmonotonicPoll = kind(
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
  private readonly anomaly: Anomaly;
  /**
   * The next offset that a consumer must get, by client, topic name and partition. A position in another
   * topic of the same name does not count.
   */
  private readonly positions = new Map<string, Position>();

  constructor(scope: HistoryScope, anomaly: Anomaly) {
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
      if (position !== undefined && first !== position)
        this.found(first > position ? 'poll-skip' : 'nonmonotonic-poll', op, position, first);
      this.inside(op);
      this.positions.set(key, { of: op, offset: op.records.at(-1)!.offset + 1 });
    }
  }

  private inside(op: PollOp): void {
    let expected = op.records[0]!.offset;
    for (const { offset } of op.records) {
      if (offset !== expected)
        this.found(offset > expected ? 'int-poll-skip' : 'int-nonmonotonic-poll', op, expected, offset);
      expected = offset + 1;
    }
  }

  private found(anomaly: Anomaly, op: PollOp, expected: number, got: number): void {
    if (anomaly !== this.anomaly || this.scope.isExempt(op)) return;
    this.scope.report(
      anomaly,
      `${op.client} was given ${got} of ${op.topic}-${op.partition}${byBroker(op.brokerId)} where ${expected} was next`,
    );
  }
}
