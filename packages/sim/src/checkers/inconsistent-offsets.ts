/** An offset holds one record for ever: every read, every acknowledgement and the final log agree on it. */
import type { Op } from '../history/index.ts';
import type { CheckerKind, CheckScope } from './checker.ts';

const NAME = 'inconsistent-offsets';

export const inconsistentOffsets: CheckerKind = {
  name: NAME,
  sentence: 'no offset of a partition ever holds two records',
  make: (scope) => new InconsistentOffsets(scope),
};

interface Seen {
  readonly value: string;
  readonly leaderEpoch: number;
  readonly who: string;
}

class InconsistentOffsets {
  private readonly scope: CheckScope;
  private readonly seen = new Map<string, Map<number, Seen>>();

  constructor(scope: CheckScope) {
    this.scope = scope;
  }

  op(op: Op): void {
    if (op.type !== 'poll') return;
    for (const record of op.records) this.note(op.topic, op.partition, record, op.client);
  }

  finish(): void {
    for (const { topic, partition, records } of this.scope.finalLogs.list())
      for (const record of records) this.note(topic, partition, record, 'the log');
  }

  private note(
    topic: string,
    partition: number,
    {
      offset,
      value,
      leaderEpoch,
    }: { readonly offset: number; readonly value: string; readonly leaderEpoch: number },
    who: string,
  ): void {
    if (this.scope.isDeleted(topic)) return;
    const name = `${topic}-${partition}`;
    const offsets = this.seen.get(name) ?? new Map<number, Seen>();
    this.seen.set(name, offsets);
    const known = offsets.get(offset);
    if (known === undefined) offsets.set(offset, { value, leaderEpoch, who });
    else if (known.value !== value || known.leaderEpoch !== leaderEpoch)
      this.scope.world.fail(
        NAME,
        `at ${offset} of ${name} ${who} has ${value} (leader epoch ${leaderEpoch}), and ${known.who} had ${known.value} (leader epoch ${known.leaderEpoch})`,
      );
  }
}
