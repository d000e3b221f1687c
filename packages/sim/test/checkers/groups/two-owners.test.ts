import type { ClassicGroup, ConsumerGroup } from '@millrace/coordinator';
import { describe, expect, it } from 'vitest';
import { twoOwners } from '../../../src/checkers/groups/two-owners.ts';
import { withMembers } from '../../support/groups.ts';
import { violationOf } from '../../support/small-cluster.ts';

describe('two-owners', () => {
  it('accepts a group with two members and one partition, also at a new coordinator', () => {
    const { small, coordinator } = withMembers([twoOwners], 'consumer');
    const old = coordinator();
    expect(violationOf(() => old.kill('process'))).toBeUndefined();
    expect(violationOf(() => small.until(() => coordinator() !== old))).toBeUndefined();
    expect(violationOf(() => small.run(3))).toBeUndefined();
  });

  it.each(['assigned', 'pendingRevocation'] as const)(
    'sees a second owner of a partition in a KIP-848 group (%s)',
    (place) => {
      const { small, coordinator, group } = withMembers([twoOwners], 'consumer');
      const corrupt = () => {
        const { members } = group() as ConsumerGroup;
        const [owner, other] = [...members.values()].sort((a, b) => b.assigned.size - a.assigned.size);
        (members as Map<string, typeof other>).set(other!.memberId, { ...other!, [place]: owner!.assigned });
        forgetWrites(group());
      };
      expect(violationOf(() => small.corrupt(coordinator(), corrupt))).toMatch(
        /^two-owners: \S+ and \S+ both own \S+-0 in group m, at the coordinator b./,
      );
    },
  );

  it('sees a second owner of a partition in a classic group', () => {
    const { small, coordinator, group } = withMembers([twoOwners], 'classic');
    const corrupt = () => {
      const members = [...(group() as ClassicGroup).members] as { assignment: Uint8Array }[];
      const longest = members.reduce((a, b) => (a.assignment.length < b.assignment.length ? b : a));
      for (const member of members) member.assignment = longest.assignment;
      forgetWrites(group());
    };
    expect(violationOf(() => small.corrupt(coordinator(), corrupt))).toMatch(
      /^two-owners: m\S+ and m\S+ both own t-0 in group m/,
    );
  });
});

/**
 * Changes the group's last write, as if the group had written a record. So the walk shows the group to the
 * checker again.
 */
function forgetWrites(group: object): void {
  Object.defineProperty(group, 'lastWrite', { value: -1 });
}
