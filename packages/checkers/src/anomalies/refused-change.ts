/**
 * A broker repeats an administrator's request to the controller when it gets no answer. So several copies of
 * one request may reach the controller. After one copy has made the change, the controller must recognise the
 * other copies, and not refuse them.
 */
import type { HistoryCheckerKind, HistoryScope } from '../checker.ts';
import type { AdminOp, Op } from '../history.ts';

const NAME = 'refused-change';

export const refusedChange: HistoryCheckerKind = {
  name: NAME,
  sentence:
    'only if another request may have made the change: creating a topic fails with TOPIC_ALREADY_EXISTS, or deleting one fails with UNKNOWN_TOPIC_OR_PARTITION',
  make: (scope) => new RefusedChange(scope),
};

/** The refusal that a copy of the request gets if the controller takes it for another request. */
const REFUSALS: ReadonlyMap<string, string> = new Map([
  ['CreateTopics', 'TOPIC_ALREADY_EXISTS'],
  ['DeleteTopics', 'UNKNOWN_TOPIC_OR_PARTITION'],
]);

class RefusedChange {
  private readonly scope: HistoryScope;
  private readonly ops: AdminOp[] = [];

  constructor(scope: HistoryScope) {
    this.scope = scope;
  }

  op(op: Op): void {
    if (op.type === 'admin') this.ops.push(op);
  }

  finish(): void {
    for (const op of this.ops) {
      const { api, topic, outcome, error, client } = op;
      if (outcome !== 'fail' || error === undefined || error !== REFUSALS.get(api)) continue;
      if (api === 'DeleteTopics' && !this.wasCreatedBefore(op)) continue;
      if (this.ops.some((other) => mayHaveDone(other, op))) continue;
      this.scope.report(NAME, `${client} got ${error} for its own ${api} of ${topic}`);
    }
  }

  private wasCreatedBefore({ topic, invokedUs }: AdminOp): boolean {
    return this.ops.some(
      ({ api, topic: name, outcome, endedUs }) =>
        api === 'CreateTopics' && name === topic && outcome === 'ok' && endedUs <= invokedUs,
    );
  }
}

/** Whether `other` may have made the change of `op` before `op` ended. */
function mayHaveDone(other: AdminOp, op: AdminOp): boolean {
  return (
    other !== op &&
    other.api === op.api &&
    other.topic === op.topic &&
    other.outcome !== 'fail' &&
    other.invokedUs < op.endedUs
  );
}
