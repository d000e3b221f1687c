/**
 * If a machine has not lost power since a log opened, the segments that the log removed do not come back. So
 * the next time that the log opens, its first segment does not begin lower. A log renames the files of a
 * segment to remove it. A power loss may undo this renaming, although the disk loses no data.
 *
 * Exempt: a disk that was damaged or replaced, a broker that recovers from a loss that the durability
 * contract allows, and a topic about whose records the system promises nothing (`isExempt`).
 */
import type { Offset } from '@millrace/base';
import type { SimNode } from '../cluster/index.ts';
import type { StateChecker, StateCheckerKind, StateScope } from './checker.ts';
import type { HostedReplica } from './replica-walk.ts';

const NAME = 'removed-segment-back';

export const removedSegmentBack: StateCheckerKind = {
  name: NAME,
  sentence:
    'a segment that retention removed does not come back when a process starts again, unless the machine lost power',
  make: (scope) => new RemovedSegmentBack(scope),
};

interface OpenedLog {
  /** How often the machine had lost power when the log opened. */
  readonly powerLosses: number;
  /** Where the first segment began when the log closed; undefined while the log is open. */
  first?: Offset;
}

class RemovedSegmentBack implements StateChecker {
  private readonly scope: StateScope;
  /** By node and partition. */
  private readonly logs = new Map<string, OpenedLog>();

  constructor(scope: StateScope) {
    this.scope = scope;
  }

  replicaMoved(hosted: HostedReplica): void {
    const { node, replica, before } = hosted;
    if (before.startOffset >= 0) return;
    const key = keyOf(hosted);
    const known = this.logs.get(key);
    const { powerLosses } = node.disk;
    this.logs.set(key, { powerLosses });
    if (known?.first === undefined || known.powerLosses !== powerLosses) return;
    if (this.isExempt(node) || this.scope.isExempt(replica)) return;
    if (replica.log.firstSegmentOffset < known.first)
      this.scope.world.fail(
        NAME,
        `${node.name} opens ${replica.topic}-${replica.index} at ${replica.log.firstSegmentOffset}, but its first segment began at ${known.first} before`,
      );
  }

  replicaClosed(hosted: HostedReplica): void {
    this.logs.get(keyOf(hosted))!.first = hosted.replica.log.firstSegmentOffset;
  }

  private isExempt(node: SimNode): boolean {
    return node.disk.isDamaged || node.disk.wasReplaced || this.scope.atlas.isRecovering(node.id);
  }
}

function keyOf({ node, replica }: HostedReplica): string {
  return `${node.name} ${replica.topicId}-${replica.index}`;
}
