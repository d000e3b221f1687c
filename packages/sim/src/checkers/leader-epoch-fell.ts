/** Leader epochs never fall along a log: followers find the point of divergence by them. */
import type { CheckerKind, CheckScope } from './checker.ts';

const NAME = 'leader-epoch-fell';

export const leaderEpochFell: CheckerKind = {
  name: NAME,
  sentence: 'leader epochs never fall along a log, and its offsets have no gaps',
  make: (scope) => new LeaderEpochFell(scope),
};

class LeaderEpochFell {
  private readonly scope: CheckScope;

  constructor(scope: CheckScope) {
    this.scope = scope;
  }

  finish(): void {
    const { finalLogs, world } = this.scope;
    for (const { topic, partition, headers } of finalLogs.list()) {
      if (this.scope.isDeleted(topic)) continue;
      let before = headers[0];
      for (const header of headers.slice(1)) {
        if (header.leaderEpoch < before!.leaderEpoch)
          world.fail(
            NAME,
            `it goes from ${before!.leaderEpoch} to ${header.leaderEpoch} at ${header.baseOffset} of ${topic}-${partition}`,
          );
        if (header.baseOffset !== before!.lastOffset + 1)
          world.fail(NAME, `${topic}-${partition} has a gap before ${header.baseOffset}`);
        before = header;
      }
    }
  }
}
