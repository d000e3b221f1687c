/**
 * No run forms a second quorum. So every folder of a broker belongs to a topic that the metadata log has, or
 * has had and removed. A broker must not treat such a folder as a stray of another cluster. Otherwise it
 * would keep deleted data for ever, or set data aside that no client deleted.
 */
import type { SimNode } from '../cluster/index.ts';
import type { StateCheckerKind, StateScope } from './checker.ts';

const NAME = 'folder-unknown';

export const folderUnknown: StateCheckerKind = {
  name: NAME,
  sentence:
    'every folder of a broker belongs to a topic that the metadata have, or that a metadata record has removed',
  make: (scope) => new FolderUnknown(scope),
};

class FolderUnknown {
  private readonly scope: StateScope;

  constructor(scope: StateScope) {
    this.scope = scope;
  }

  turn(node: SimNode): void {
    const { world } = this.scope;
    if (world.counts.has('log stray-replica-kept'))
      world.fail(NAME, `${node.name} set a folder aside that no metadata record removed`);
  }
}
