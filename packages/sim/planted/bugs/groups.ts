/** Planted bugs of consumer groups: of their coordinators and of their members. */
import type { PlantedBug } from '../patch.ts';

export const groupBugs: readonly PlantedBug[] = [
  {
    name: 'commit-before-replicated',
    sentence: 'the group coordinator answers a commit before the commit is replicated',
    file: 'packages/coordinator/src/runtime/shard.ts',
    find: 'const isCommittedNow = write <= this.pipeline.committedWrite;',
    replace: 'const isCommittedNow = true;',
    expectedCheckers: ['commit-lost'],
  },
  {
    name: 'shard-outlives-leadership',
    sentence: 'the group coordinator keeps a shard after its broker has stopped leading the partition',
    file: 'packages/coordinator/src/runtime/coordinator-runtime.ts',
    find: 'if (ofTopic === undefined || partition?.led.leaderEpoch !== leaderEpoch) return;',
    replace:
      'if (ofTopic === undefined || partition?.led.leaderEpoch !== leaderEpoch || partition.state === "active") return;',
    expectedCheckers: ['shard-without-leadership', 'commit-lost'],
  },
  {
    name: 'offsets-lost-at-first-commit',
    sentence:
      'when a group commits for the first time at a new coordinator, the coordinator loses the offsets of this group that it has loaded',
    file: 'packages/coordinator/src/offsets/offset-table.ts',
    find: 'let offsets = this.byGroup.get(group);',
    replace: 'let offsets = this.byGroup.get(group)?.lastWrite ? this.byGroup.get(group) : undefined;',
    expectedCheckers: ['commit-lost', 'commit-went-back'],
  },
  {
    name: 'fenced-commit-accepted',
    sentence: 'the group coordinator accepts the commit of a member that it has removed from its group',
    file: 'packages/coordinator/src/consumer/offset-checks.ts',
    find: 'if (member === undefined) return refused(ErrorCode.UNKNOWN_MEMBER_ID);',
    replace: 'if (member === undefined) return ACCEPTED;',
    expectedCheckers: ['fenced-commit-accepted'],
  },
  {
    name: 'assigned-before-revoked',
    sentence: 'the group coordinator assigns a partition before its previous owner has given it up',
    file: 'packages/coordinator/src/consumer/reconcile.ts',
    find: 'const holder = goal.holder(topic, partition);',
    replace: 'const holder = undefined as string | undefined;',
    expectedCheckers: ['two-owners'],
  },
  {
    name: 'instance-id-lost',
    sentence: 'a new group coordinator loads static members of classic groups without their instance ids',
    file: 'packages/coordinator/src/classic/record.ts',
    find: 'groupInstanceId,',
    replace: 'groupInstanceId: null,',
    expectedCheckers: ['instance-id-lost'],
  },
  {
    name: 'downgrade-forgets-rebalance',
    sentence:
      'a new group coordinator takes a group for stable whose last KIP-848 member has left, although the classic members have not joined again',
    file: 'packages/coordinator/src/classic/core.ts',
    find: 'this.isUnled = value.members.length > 0 && value.leader === null;',
    replace: 'this.isUnled = value.members.length > 0 && value.leader === null && this.port.lastWrite > 0;',
    expectedCheckers: ['group-unsettled'],
    expectedSentence: 'mixed: nobody reads',
    plan: 'became-classic',
  },
  {
    name: 'start-after-committed',
    sentence: 'a member of a group begins to read one record after the committed offset',
    file: 'packages/client/src/groups/group-consumer.ts',
    find: ': { ...place, start: found.offset, leaderEpoch: found.leaderEpoch };',
    replace: ': { ...place, start: found.offset + 1, leaderEpoch: found.leaderEpoch };',
    expectedCheckers: ['wrong-start', 'commit-unread'],
  },
  {
    name: 'failed-commit-never-ends',
    sentence: 'a member of a group waits for ever for a commit that failed, and commits nothing more',
    file: 'packages/client/src/groups/commits.ts',
    find: 'for (const done of callers) done(error);',
    replace: 'if (error === undefined) for (const done of callers) done(error);',
    expectedCheckers: ['group-behind'],
  },
];
