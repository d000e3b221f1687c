/**
 * The log start offset of an open replica never falls, because a client may already know that the records
 * below it are deleted. When a process starts, it takes the log start offset from its checkpoint, or a higher
 * one. A process writes the checkpoint only from time to time. So after a crash the log start offset may fall
 * to the offset in the checkpoint. `owed-starts.ts` says which log start offsets the checkpoint must have. So
 * the checker also finds a process that does not write its checkpoint.
 *
 * Exempt: a disk that was damaged or replaced, and a broker that recovers from a loss that the durability
 * contract allows.
 */
import type { Offset } from '@millrace/base';
import type { Partition } from '@millrace/replication';
import type { SimNode } from '../cluster/index.ts';
import type { Life } from '../world/index.ts';
import type { StateChecker, StateCheckerKind, StateScope } from './checker.ts';
import { OwedStarts } from './owed-starts.ts';
import type { HostedReplica } from './replica-walk.ts';

const NAME = 'log-start-fell';
const CHECKPOINT = '/data/log-start-offset-checkpoint';

export const logStartFell: StateCheckerKind = {
  name: NAME,
  sentence:
    'the log start offset of an open replica never falls; a restarted process begins the log at or above the offset in its checkpoint, and at or above each log start offset that the earlier process had time to write there',
  make: (scope) => new LogStartFell(scope),
};

/** What a process finds on its disk when it starts. */
interface Found {
  readonly life: Life;
  readonly starts: ReadonlyMap<string, Offset>;
}

class LogStartFell implements StateChecker {
  private readonly scope: StateScope;
  private readonly found = new Map<SimNode, Found>();
  private readonly owed = new Map<SimNode, OwedStarts>();
  /** For each log of a node, where it began when its process ended. */
  private readonly closed = new Map<string, Offset>();

  constructor(scope: StateScope) {
    this.scope = scope;
  }

  turn(node: SimNode): void {
    const { life } = node;
    if (!node.isBroker || life === undefined) return;
    this.owedOf(node).turn(this.scope.world.nowUs);
    if (this.found.get(node)?.life !== life) this.found.set(node, { life, starts: checkpointOf(node) });
  }

  replicaMoved(hosted: HostedReplica): void {
    const { node, replica, before } = hosted;
    const { startOffset } = replica.log;
    if (startOffset === before.startOffset) return;
    this.owedOf(node).moved(replica, keyOf(node, replica), this.scope.world.nowUs);
    if (before.startOffset < 0) this.judgeOpened(hosted);
    else if (startOffset < before.startOffset && !this.isExempt(node, replica))
      this.scope.world.fail(
        NAME,
        `at ${node.name} the log start offset of ${nameOf(replica)} fell from ${before.startOffset} to ${startOffset}`,
      );
  }

  replicaClosed({ node, replica }: HostedReplica): void {
    this.closed.set(keyOf(node, replica), replica.log.startOffset);
    this.owedOf(node).closed(replica);
  }

  private judgeOpened({ node, replica }: HostedReplica): void {
    const { startOffset } = replica.log;
    const owed = this.owedOf(node).opened(keyOf(node, replica), startOffset);
    const checkpointed = this.checkpointed(node, replica);
    if (startOffset >= Math.max(owed, checkpointed) || this.isExempt(node, replica)) return;
    const opens = `${node.name} opens ${nameOf(replica)} at ${startOffset}, but`;
    this.scope.world.fail(
      NAME,
      startOffset < checkpointed
        ? `${opens} its checkpoint had ${checkpointed}`
        : `${opens} the log began at ${owed} when its process last had time to write the checkpoint`,
    );
  }

  private owedOf(node: SimNode): OwedStarts {
    let owed = this.owed.get(node);
    if (owed === undefined) {
      owed = new OwedStarts(node);
      this.owed.set(node, owed);
    }
    return owed;
  }

  /**
   * The log start offset in the checkpoint, but at most the one that the log had before the restart: the
   * checkpoint may list an earlier topic of the same name.
   */
  private checkpointed(node: SimNode, replica: Partition): Offset {
    const key = keyOf(node, replica);
    const before = this.closed.get(key) ?? 0;
    this.closed.delete(key);
    return Math.min(before, this.found.get(node)?.starts.get(nameOf(replica)) ?? 0);
  }

  private isExempt(node: SimNode, replica: Partition): boolean {
    const { atlas } = this.scope;
    return (
      node.disk.isDamaged ||
      node.disk.wasReplaced ||
      atlas.isRecovering(node.id) ||
      this.scope.isExempt(replica)
    );
  }
}

/** The offsets in the checkpoint, by `topic-partition`. Lines of another form do not count. */
function checkpointOf({ disk }: SimNode): Map<string, Offset> {
  const file = disk.tree.file(CHECKPOINT);
  const bytes = new Uint8Array(file?.length ?? 0);
  file?.read(0, bytes);
  const lines = new TextDecoder().decode(bytes).split('\n').slice(2);
  const starts = new Map<string, Offset>();
  for (const line of lines) {
    const match = /^(\S+) (\d+) (\d+)$/.exec(line);
    if (match !== null) starts.set(`${match[1]}-${match[2]}`, Number(match[3]));
  }
  return starts;
}

function nameOf({ topic, index }: Partition): string {
  return `${topic}-${index}`;
}

function keyOf({ name }: SimNode, { topicId, index }: Partition): string {
  return `${name} ${topicId}-${index}`;
}
