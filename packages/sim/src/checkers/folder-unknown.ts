/**
 * No quorum of a run ever begins anew, so every folder that a broker has ever made belongs to a topic that
 * the metadata log knows, or has removed. A broker that thinks otherwise keeps what was deleted for ever; one
 * that were to delete it might delete what nobody asked for.
 */
import type { SimNode } from '../cluster/index.ts';
import type { CheckerKind, CheckScope } from './checker.ts';

const NAME = 'folder-unknown';

export const folderUnknown: CheckerKind = {
  name: NAME,
  sentence: 'no broker takes a folder of its own for one that the metadata has never known',
  make: (scope) => new FolderUnknown(scope),
};

class FolderUnknown {
  private readonly scope: CheckScope;

  constructor(scope: CheckScope) {
    this.scope = scope;
  }

  turn(node: SimNode): void {
    const { world } = this.scope;
    if (world.counts.has('log stray-replica-kept'))
      world.fail(NAME, `${node.name} set a folder aside that no metadata record removed`);
  }
}
