import { expect, it } from 'vitest';
import { Subject, stable, utf8 } from '../support/classic-group.ts';

it('shows the protocol and the metadata only while the group is stable', () => {
  const s = new Subject();
  const [a] = stable(s, 'a');
  const member = {
    memberId: a,
    groupInstanceId: null,
    clientId: 'a',
    clientHost: '/a',
    memberMetadata: utf8('a'),
    memberAssignment: utf8('a1'),
  };
  const group = { errorCode: 0, groupId: 'g', protocolType: 'consumer' };
  expect(s.group.describe()).toEqual({
    ...group,
    groupState: 'Stable',
    protocolData: 'range',
    members: [member],
  });
  s.joinNew('b');
  const preparing = s.group.describe();
  expect(preparing).toMatchObject({ ...group, groupState: 'PreparingRebalance', protocolData: '' });
  expect(preparing.members[0]).toEqual({ ...member, memberMetadata: new Uint8Array(0) });
});

it('describes a group that never had a member', () => {
  const s = new Subject();
  s.join('a');
  expect(s.group.describe()).toEqual({
    errorCode: 0,
    groupId: 'g',
    groupState: 'Empty',
    protocolType: '',
    protocolData: '',
    members: [],
  });
});
