/**
 * The checks of a ConsumerGroupHeartbeat that do not depend on the group. The order of the checks and the
 * messages are Kafka's.
 */
import { type ConsumerGroupHeartbeatRequest, ErrorCode } from '@millrace/protocol';
import { JOIN_EPOCH, LEAVE_EPOCH, STATIC_LEAVE_EPOCH } from './member.ts';
import { type Refusal, refusal } from './refusal.ts';

/** From this version on a member chooses its own id. */
const OWN_MEMBER_ID_VERSION = 1;

export function heartbeatFault(
  version: number,
  request: ConsumerGroupHeartbeatRequest,
  assignorNames: readonly string[],
): Refusal | undefined {
  const { memberEpoch, serverAssignor } = request;
  const needsMemberId = version >= OWN_MEMBER_ID_VERSION || memberEpoch > 0 || memberEpoch === LEAVE_EPOCH;
  if (needsMemberId && isBlank(request.memberId)) return invalid("MemberId can't be empty.");
  if (isBlank(request.groupId)) return invalid("GroupId can't be empty.");
  if (isBlank(request.instanceId)) return invalid("InstanceId can't be empty.");
  if (isBlank(request.rackId)) return invalid("RackId can't be empty.");
  const fault = epochFault(request);
  if (fault !== undefined) return invalid(fault);
  if (serverAssignor !== null && !assignorNames.includes(serverAssignor))
    return refusal(
      ErrorCode.UNSUPPORTED_ASSIGNOR,
      `ServerAssignor ${serverAssignor} is not supported. Supported assignors: ${assignorNames.join(', ')}.`,
    );
  return undefined;
}

function epochFault(request: ConsumerGroupHeartbeatRequest): string | undefined {
  const { memberEpoch, topicPartitions } = request;
  if (memberEpoch === JOIN_EPOCH) {
    if (request.rebalanceTimeoutMs === -1) return 'RebalanceTimeoutMs must be provided in first request.';
    if (topicPartitions === null || topicPartitions.length > 0)
      return 'TopicPartitions must be empty when (re-)joining.';
    if (request.subscribedTopicNames === null && request.subscribedTopicRegex === null)
      return 'Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.';
  } else if (memberEpoch === STATIC_LEAVE_EPOCH) {
    if (request.instanceId === null) return "InstanceId can't be null.";
  } else if (memberEpoch < STATIC_LEAVE_EPOCH) return 'MemberEpoch is invalid.';
  return undefined;
}

function isBlank(text: string | null): boolean {
  return text !== null && text.trim() === '';
}

function invalid(message: string): Refusal {
  return refusal(ErrorCode.INVALID_REQUEST, message);
}
