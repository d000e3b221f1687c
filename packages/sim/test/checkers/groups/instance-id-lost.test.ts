import type { ClassicGroup, ConsumerGroup } from '@millrace/coordinator';
import { describe, expect, it } from 'vitest';
import { instanceIdLost } from '../../../src/checkers/groups/instance-id-lost.ts';
import { withMembers } from '../../support/groups.ts';
import { violationOf } from '../../support/small-cluster.ts';

describe('instance-id-lost', () => {
  it('accepts static members that get a new coordinator', () => {
    const { small, coordinator } = withMembers([instanceIdLost], 'classic');
    const old = coordinator();
    expect(violationOf(() => old.kill('process'))).toBeUndefined();
    expect(violationOf(() => small.until(() => coordinator() !== old))).toBeUndefined();
    expect(violationOf(() => small.run(3))).toBeUndefined();
  });

  it('sees a static member without its instance id', () => {
    const { small, coordinator, group } = withMembers([instanceIdLost], 'classic');
    const corrupt = () => {
      const [member] = (group() as ClassicGroup).members as Iterable<{ groupInstanceId: string | null }>;
      member!.groupInstanceId = null;
      Object.defineProperty(group(), 'lastWrite', { value: -1 });
    };
    expect(violationOf(() => small.corrupt(coordinator(), corrupt))).toMatch(
      /^instance-id-lost: member m\S+ of group m had the instance id m\d, and at the coordinator b. it has null/,
    );
  });

  it('sees two members with one instance id', () => {
    const { small, coordinator, group } = withMembers([instanceIdLost], 'consumer');
    const corrupt = () => {
      const { members } = group() as ConsumerGroup;
      const [member] = members.values();
      (members as Map<string, typeof member>).set('other', { ...member!, memberId: 'other' });
      Object.defineProperty(group(), 'lastWrite', { value: -1 });
    };
    expect(violationOf(() => small.corrupt(coordinator(), corrupt))).toMatch(
      /^instance-id-lost: \S+ and other of group m have the instance id m\d/,
    );
  });
});
