/** A classic group as DescribeGroups shows it. */
import { type DescribeGroupsResponse, ErrorCode } from '@millrace/protocol';
import type { Core } from './core.ts';
import { NO_ASSIGNMENT } from './member.ts';

export type DescribedGroup = Omit<
  DescribeGroupsResponse['groups'][number],
  'errorMessage' | 'authorizedOperations' | 'rebalances'
>;

/** As in Kafka, the answer has the protocol and the metadata of the members only if the group is stable. */
export function describe(core: Core): DescribedGroup {
  const isStable = core.state === 'Stable';
  return {
    errorCode: ErrorCode.NONE,
    groupId: core.groupId,
    groupState: core.state,
    protocolType: core.protocolType ?? '',
    protocolData: isStable ? (core.protocolName ?? '') : '',
    members: Array.from(core.members, (member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.client.clientId,
      clientHost: member.client.clientHost,
      memberMetadata: isStable ? (member.metadata(core.protocolName) ?? NO_ASSIGNMENT) : NO_ASSIGNMENT,
      memberAssignment: member.assignment,
    })),
  };
}
