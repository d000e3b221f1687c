/**
 * While a broker knows that less than `min.free.bytes` of its disk is free, it writes no records of clients.
 * So no log of a client topic grows on this broker, whether the broker leads the partition or follows.
 *
 * `run/peace.ts` demands that the broker writes again, without a restart, after the disk has room.
 */
import { isInternalTopic } from '@millrace/metadata';
import type { SimNode } from '../cluster/index.ts';
import type { Life } from '../world/index.ts';
import type { StateChecker, StateCheckerKind, StateScope } from './checker.ts';
import type { HostedReplica } from './replica-walk.ts';

const NAME = 'grows-without-room';

export const growsWithoutRoom: StateCheckerKind = {
  name: NAME,
  sentence: 'no log of a topic of clients grows while its broker knows that less than min.free.bytes is free',
  make: (scope) => new GrowsWithoutRoom(scope),
};

class GrowsWithoutRoom implements StateChecker {
  private readonly scope: StateScope;
  /** By node: the process that knew at the end of its last turn that the disk is nearly full. */
  private readonly short = new Map<SimNode, Life>();

  constructor(scope: StateScope) {
    this.scope = scope;
  }

  replicaMoved({ node, replica, before }: HostedReplica): void {
    if (this.short.size === 0 || before.startOffset < 0 || this.short.get(node) !== node.life) return;
    // The process may have learned in this turn that the disk has room again.
    if (node.roles?.broker?.replicas.shortage === undefined) return;
    const { startOffset, endOffset } = replica.log;
    // A follower may begin an empty log where the log of its leader begins.
    const isEmpty = startOffset === endOffset;
    if (endOffset <= before.endOffset || isEmpty || isInternalTopic(replica.topic)) return;
    this.scope.world.fail(
      NAME,
      `${node.name} writes to ${replica.topic}-${replica.index} up to ${endOffset}, although it knows that its disk is nearly full`,
    );
  }

  turn(node: SimNode): void {
    const shortage = node.roles?.broker?.replicas.shortage;
    if (shortage === undefined || node.life === undefined) this.short.delete(node);
    else this.short.set(node, node.life);
  }
}
