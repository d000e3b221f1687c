/**
 * Consumers get only committed records: below the high watermark of the answer, which some leader must have
 * had.
 */
import type { Op } from '../history/index.ts';
import type { CheckerKind, CheckScope } from './checker.ts';

const NAME = 'uncommitted-read';

export const uncommittedRead: CheckerKind = {
  name: NAME,
  sentence: 'no consumer gets a record before it is committed',
  make: (scope) => new UncommittedRead(scope),
};

class UncommittedRead {
  private readonly scope: CheckScope;

  constructor(scope: CheckScope) {
    this.scope = scope;
  }

  op(op: Op): void {
    if (op.type !== 'poll' || op.records.length === 0 || this.scope.isDeleted(op.topic)) return;
    const { offset } = op.records.at(-1)!;
    const name = `${op.topic}-${op.partition}`;
    if (offset >= op.highWatermark)
      this.scope.world.fail(
        NAME,
        `${op.client} was given ${offset} of ${name} with the high watermark ${op.highWatermark} by broker ${op.brokerId}`,
      );
    const committedEnd = this.scope.ledger.named(op.topic, op.partition)?.committedEnd ?? 0;
    if (offset >= committedEnd)
      this.scope.world.fail(
        NAME,
        `${op.client} was given ${offset} of ${name} by broker ${op.brokerId} when ${committedEnd} was committed`,
      );
  }
}
