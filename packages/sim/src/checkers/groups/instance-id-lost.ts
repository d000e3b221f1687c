/**
 * A static member keeps its group instance id as long as it is a member, even when another coordinator takes
 * over. If the coordinator lost the id, the member's next process would join as a new member, which causes a
 * rebalance.
 */
import { ClassicGroup, type Group } from '@millrace/coordinator';
import type { SimNode } from '../../cluster/index.ts';
import type { StateCheckerKind, StateScope } from '../checker.ts';
import { groupVisitor } from './walk.ts';

const NAME = 'instance-id-lost';

export const instanceIdLost: StateCheckerKind = {
  name: NAME,
  sentence: 'a member of a group keeps its group instance id, and no other member has the same one',
  make: (scope) => {
    const checker = new InstanceIdLost(scope);
    return groupVisitor(scope, (node, group) => checker.check(node, group));
  },
};

class InstanceIdLost {
  private readonly scope: StateScope;
  /** The instance ids, by group and member id. */
  private readonly known = new Map<string, string | null>();

  constructor(scope: StateScope) {
    this.scope = scope;
  }

  check(node: SimNode, group: Group): void {
    const members = new Map<string, string>();
    for (const [memberId, instanceId] of instancesOf(group)) {
      const key = `${group.groupId}/${memberId}`;
      const before = this.known.get(key);
      if (before === undefined) this.known.set(key, instanceId);
      else if (before !== instanceId)
        this.fail(
          `member ${memberId} of group ${group.groupId} had the instance id ${before}, and at the coordinator ${node.name} it has ${instanceId}`,
        );
      if (instanceId === null) continue;
      const other = members.get(instanceId);
      if (other !== undefined)
        this.fail(`${other} and ${memberId} of group ${group.groupId} have the instance id ${instanceId}`);
      members.set(instanceId, memberId);
    }
  }

  private fail(sentence: string): never {
    this.scope.world.fail(NAME, sentence);
  }
}

function* instancesOf(group: Group): Generator<[memberId: string, instanceId: string | null]> {
  if (group instanceof ClassicGroup)
    for (const { memberId, groupInstanceId } of group.members) yield [memberId, groupInstanceId];
  else for (const { memberId, instanceId } of group.members.values()) yield [memberId, instanceId];
}
