/** Looks at the groups of a node after each of its turns, and shows checkers those that decided something. */
import type { Group } from '@millrace/coordinator';
import type { SimNode } from '../../cluster/index.ts';
import type { StateChecker, StateScope } from '../checker.ts';
import { shardsOf } from './shards.ts';

type Visit = (node: SimNode, group: Group) => void;

/** One walk for all checkers of a run. */
export class GroupWalk {
  readonly visits: Visit[] = [];
  /** The decision of each group at which the walk looked last. A new shard has new objects. */
  private readonly seen = new WeakMap<Group, number>();

  turn(node: SimNode): void {
    for (const { machine } of shardsOf(node)) {
      if (machine === undefined) continue;
      for (const [, group] of machine.all) {
        if (this.seen.get(group) === group.lastWrite) continue;
        this.seen.set(group, group.lastWrite);
        for (const visit of this.visits) visit(node, group);
      }
    }
  }
}

/** A checker that visits the groups. The run makes the turns of the walk. */
export function groupVisitor({ groups }: Pick<StateScope, 'groups'>, visit: Visit): StateChecker {
  groups.visits.push(visit);
  return {};
}
