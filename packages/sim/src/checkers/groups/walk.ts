/**
 * Looks at the groups of a node after each turn of the node. Calls the checkers for each group that has
 * written a record since the walk last looked at it.
 */
import type { Uuid } from '@millrace/base';
import type { Group } from '@millrace/coordinator';
import type { SimNode } from '../../cluster/index.ts';
import type { StateChecker, StateScope } from '../checker.ts';

type Visit = (node: SimNode, group: Group) => void;

/** One walk for all checkers of a run. */
export class GroupWalk {
  readonly visits: Visit[] = [];
  /**
   * The last write of each group when the walk last looked at the group. A new shard has new `Group` objects,
   * so the walk visits all of its groups.
   */
  private readonly seen = new WeakMap<Group, number>();
  private readonly isStale: (topicId: Uuid, index: number) => boolean;

  /** `isStale`: the checkers do not judge the groups of this partition (PartitionLedger.hasStaleKeys). */
  constructor(isStale: (topicId: Uuid, index: number) => boolean = () => false) {
    this.isStale = isStale;
  }

  turn(node: SimNode): void {
    const broker = node.roles?.broker;
    if (broker === undefined) return;
    for (const { led, machine } of broker.groups.runtime.partitions) {
      if (typeof machine === 'number' || this.isStale(led.topicId, led.index)) continue;
      for (const [, group] of machine.all) {
        if (this.seen.get(group) === group.lastWrite) continue;
        this.seen.set(group, group.lastWrite);
        for (const visit of this.visits) visit(node, group);
      }
    }
  }
}

/**
 * Makes a checker that calls `visit` for each group that has changed. The checker needs no methods of its
 * own, because the run calls the walk after each turn, and the walk calls `visit`.
 */
export function groupVisitor({ groups }: Pick<StateScope, 'groups'>, visit: Visit): StateChecker {
  groups.visits.push(visit);
  return {};
}
