/**
 * A controller deletes the beginning of its metadata log only when a whole snapshot of that beginning is
 * durable. So the controller's next process can start from the contents of the disk, whenever the earlier
 * process died.
 */
import { stateOf } from '@millrace/raft/testing';
import type { SimNode } from '../cluster/index.ts';
import type { QuorumStore } from '../disk/index.ts';
import type { StateCheckerKind, StateScope } from './checker.ts';

const NAME = 'metadata-log-lost';

export const metadataLogLost: StateCheckerKind = {
  name: NAME,
  sentence: 'the store of a controller has a whole snapshot of everything before its metadata log',
  make: (scope) => new MetadataLogLost(scope),
};

class MetadataLogLost {
  private readonly scope: StateScope;
  private readonly seenWrites = new Map<QuorumStore, number>();

  constructor(scope: StateScope) {
    this.scope = scope;
  }

  turn({ name, disk: { quorumStore } }: SimNode): void {
    if (this.seenWrites.get(quorumStore) === quorumStore.snapshotWrites) return;
    this.seenWrites.set(quorumStore, quorumStore.snapshotWrites);
    const state = stateOf(quorumStore.contents);
    if (state instanceof Error) this.scope.world.fail(NAME, `${name} cannot start again: ${state.message}`);
  }
}
