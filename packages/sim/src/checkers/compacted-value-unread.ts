/**
 * A consumer that reads a log with keys from its beginning up to the high watermark gets the latest committed
 * record of each key. So no later reader sees an older value of the key. The checker judges a read each time
 * when it reaches the high watermark. It skips a key if a later record of the key is already committed at or
 * above this high watermark: compaction may then have dropped the records that the reader had not reached.
 *
 * The consumer may get no tombstone, or an older record of a deleted key, once brokers may have dropped the
 * tombstone (keyed-records.ts). A reader that OFFSET_OUT_OF_RANGE sends to a later log start begins there.
 */
import type { Offset } from '@millrace/base';
import type { AssignOp, Op, PollOp, TopicRef } from '@millrace/checkers';
import type { StateChecker, StateCheckerKind, StateScope } from './checker.ts';
import { textOfKey } from './compacted-batch.ts';

const NAME = 'compacted-value-unread';

export const compactedValueUnread: StateCheckerKind = {
  name: NAME,
  sentence:
    'a consumer that reads a log with keys from its beginning to the high watermark gets the latest committed record of each key',
  make: (scope) => new CompactedValueUnread(scope),
};

/** A read of one partition from its beginning. */
interface Read {
  readonly of: TopicRef;
  readonly from: Offset;
  /** By key, the offset of the last record that the consumer got. */
  readonly seen: Map<string, Offset>;
}

class CompactedValueUnread implements StateChecker {
  private readonly scope: StateScope;
  /** By client, topic name and partition. */
  private readonly reads = new Map<string, Read>();

  constructor(scope: StateScope) {
    this.scope = scope;
  }

  op(op: Op): void {
    if (op.type === 'assign') this.assigned(op);
    else if (op.type === 'poll' && op.records[0]?.key !== undefined) this.polled(op);
  }

  private assigned(op: AssignOp): void {
    if (op.why === 'earliest' || op.why === 'out-of-range')
      this.reads.set(keyOf(op), { of: op, from: op.offset, seen: new Map() });
    else this.reads.delete(keyOf(op));
  }

  private polled(op: PollOp): void {
    const read = this.reads.get(keyOf(op));
    if (read === undefined) return;
    if (read.of.topicId !== op.topicId) {
      this.reads.delete(keyOf(op));
      this.scope.count('read of a log with keys not judged');
      return;
    }
    for (const { key, offset } of op.records) if (key !== undefined) read.seen.set(key, offset);
    if (op.records.at(-1)!.offset + 1 === op.highWatermark) this.judge(op, read);
  }

  private judge(op: PollOp, { from, seen }: Read): void {
    const { scope } = this;
    const { client, topic, topicId, partition } = op;
    const ledger =
      topicId === undefined ? scope.ledger.named(topic, partition) : scope.ledger.get(topicId, partition);
    if (ledger === undefined || scope.isExempt(op)) return;
    scope.count('read of a log with keys judged');
    for (const [name, { offset, isTombstone }] of scope.keyed.latestOf(ledger)) {
      const key = textOfKey(name);
      const got = seen.get(key);
      if (offset >= op.highWatermark! || offset < from || (got ?? -1) >= offset) continue;
      if (isTombstone && scope.keyed.mayBeDropped(ledger, offset, scope.world.nowUs)) continue;
      scope.world.fail(
        NAME,
        `${client} read ${ledger.name} from ${from} to its high watermark ${op.highWatermark} and got ${got === undefined ? 'no record' : `the record at ${got}`} of ${key}, but the one at ${offset} was committed`,
      );
    }
  }
}

function keyOf({ client, topic, partition }: AssignOp | PollOp): string {
  return `${client}/${topic}-${partition}`;
}
