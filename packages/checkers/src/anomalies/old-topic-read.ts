/**
 * A topic that is deleted and created again with the same name begins empty: no log of the new topic has a
 * record of the old topic, and no consumer of the new topic gets such a record. The checker exempts no topic:
 * the promise holds even if faults have harmed the topic more than the durability contract covers. The
 * checker skips a value that its producer may have sent to several topics of this name.
 */
import type { HistoryCheckerKind, HistoryScope } from '../checker.ts';
import type { Op, PartitionRef } from '../history.ts';

const NAME = 'old-topic-read';

export const oldTopicRead: HistoryCheckerKind = {
  name: NAME,
  sentence: 'no consumer reads a record of a deleted topic from a later topic of the same name',
  make: (scope) => new OldTopicRead(scope),
};

interface Read {
  readonly from: PartitionRef;
  readonly offset: number;
  readonly who: string;
}

class OldTopicRead {
  private readonly scope: HistoryScope;
  /** Value → the topic id of its send, for each send that has ended. Undefined: the topic is not certain. */
  private readonly sent = new Map<string, string | undefined>();
  /** Value → the first read of it from each topic id, for each value whose send has not ended. */
  private readonly early = new Map<string, Read[]>();

  constructor(scope: HistoryScope) {
    this.scope = scope;
  }

  op(op: Op): void {
    if (op.type === 'send') {
      const topicId = op.mayStray ? undefined : op.topicId;
      for (const value of op.values) {
        this.sent.set(value, topicId);
        const reads = this.early.get(value) ?? [];
        this.early.delete(value);
        for (const read of reads) this.check(value, read);
      }
    } else if (op.type === 'poll' && op.topicId !== undefined) {
      for (const { value, offset } of op.records) {
        if (this.sent.get(value) === op.topicId) continue;
        const read = { from: op, offset, who: `${op.client} read` };
        if (this.sent.has(value)) this.check(value, read);
        else this.keepEarly(value, read);
      }
    }
  }

  private keepEarly(value: string, read: Read): void {
    const reads = this.early.get(value);
    if (reads === undefined) this.early.set(value, [read]);
    else if (reads.every(({ from }) => from.topicId !== read.from.topicId)) reads.push(read);
  }

  finish(): void {
    for (const log of this.scope.finalLogs.list())
      for (const { value, offset } of log.records)
        this.check(value, { from: log, offset, who: 'the log has' });
  }

  private check(value: string, { from, offset, who }: Read): void {
    const topicId = this.sent.get(value);
    if (topicId === undefined || from.topicId === undefined || topicId === from.topicId) return;
    const where = `${offset} of ${from.topic}-${from.partition}`;
    this.scope.report(
      NAME,
      `${who} ${value} at ${where} (topic id ${from.topicId}), and it was sent to the topic id ${topicId}`,
    );
  }
}
