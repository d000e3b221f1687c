/** Counts what the group coordinator of a broker keeps for requests and members. */
import { ClassicGroup } from '../classic/index.ts';
import type { CoordinatorRuntime } from '../runtime/coordinator-runtime.ts';
import type { GroupMachine } from './group-machine.ts';

export interface GroupHoldings {
  /** Answers that wait until decisions are committed. */
  readonly groupAnswers: number;
  /** Calls of members that wait for a rebalance. */
  readonly parkedGroupCalls: number;
  /** Member ids that nobody has joined with yet. */
  readonly pendingMembers: number;
  readonly groupMembers: number;
}

export function holdingsOfGroups(runtime: CoordinatorRuntime<GroupMachine>): GroupHoldings {
  let [groupAnswers, parkedGroupCalls, pendingMembers, groupMembers] = [0, 0, 0, 0];
  for (const { waiting } of runtime.partitions) groupAnswers += waiting;
  for (const machine of runtime.shards().machines)
    for (const [, group] of machine.all) {
      if (!(group instanceof ClassicGroup)) {
        groupMembers += group.members.size;
        continue;
      }
      groupMembers += group.memberCount;
      parkedGroupCalls += group.parkedCalls;
      pendingMembers += group.pendingMembers;
    }
  return { groupAnswers, parkedGroupCalls, pendingMembers, groupMembers };
}
