/** Looks at the groups of a node after each of its turns, and passes on those that decided something. */
import type { Group } from '@millrace/coordinator';
import type { SimNode } from '../../cluster/index.ts';
import { shardsOf } from './shards.ts';

export class GroupWalk {
  /** The decision of each group at which the walk looked last. A new shard has new objects. */
  private readonly seen = new WeakMap<Group, number>();

  turn(node: SimNode, visit: (group: Group) => void): void {
    for (const { machine } of shardsOf(node)) {
      if (machine === undefined) continue;
      for (const [, group] of machine.all) {
        if (this.seen.get(group) === group.lastWrite) continue;
        this.seen.set(group, group.lastWrite);
        visit(group);
      }
    }
  }
}
