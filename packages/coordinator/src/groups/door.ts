/**
 * The checks of a request that the coordinator makes before it looks for the group. They depend only on the
 * request and the settings, so a bad request gets the same answer from every broker. Kafka does not have some
 * of these limits. They are necessary because a record cannot hold a longer id. The coordinator does not
 * shorten ids, because two ids with the same beginning would become one.
 */
import { type ConsumerGroupHeartbeatRequest, ErrorCode, type JoinGroupRequest } from '@millrace/protocol';
import type { ClientFacts } from '../client-facts.ts';
import type { ClassicGroupConfig } from '../config.ts';
import { type Refusal, refusal } from '../consumer/refusal.ts';
import { heartbeatFault } from '../consumer/validation.ts';
import { fitsRecord, shortened } from '../limits.ts';

/**
 * The most protocols of a JoinGroup. Clients name one protocol for each of their assignors, so they need far
 * fewer.
 */
const PROTOCOLS_MAX = 100;

export function joinFault(
  request: JoinGroupRequest,
  { minSessionTimeoutMs, maxSessionTimeoutMs }: ClassicGroupConfig,
): ErrorCode | undefined {
  const { groupId, sessionTimeoutMs, memberId, groupInstanceId, protocolType, protocols } = request;
  if (groupId === '') return ErrorCode.INVALID_GROUP_ID;
  if (sessionTimeoutMs < minSessionTimeoutMs || sessionTimeoutMs > maxSessionTimeoutMs)
    return ErrorCode.INVALID_SESSION_TIMEOUT;
  if (!fitsRecord(memberId)) return ErrorCode.UNKNOWN_MEMBER_ID;
  if (!fitsRecord(groupInstanceId)) return ErrorCode.INVALID_REQUEST;
  const isUsual = protocols.length <= PROTOCOLS_MAX && protocols.every(({ name }) => fitsRecord(name));
  return isUsual && fitsRecord(protocolType) ? undefined : ErrorCode.INCONSISTENT_GROUP_PROTOCOL;
}

export function consumerHeartbeatFault(
  version: number,
  request: ConsumerGroupHeartbeatRequest,
  assignorNames: readonly string[],
): Refusal | undefined {
  const tooLong = longText(request);
  if (tooLong !== undefined) return refusal(ErrorCode.INVALID_REQUEST, tooLong);
  return heartbeatFault(version, request, assignorNames);
}

function longText(request: ConsumerGroupHeartbeatRequest): string | undefined {
  const { memberId, instanceId, rackId, subscribedTopicNames } = request;
  if (!fitsRecord(memberId)) return 'MemberId is too long.';
  if (!fitsRecord(instanceId)) return 'InstanceId is too long.';
  if (!fitsRecord(rackId)) return 'RackId is too long.';
  return subscribedTopicNames?.every(fitsRecord) === false ? 'A topic name is too long.' : undefined;
}

/** Shortens the client id, because groups keep it, and member ids begin with it. */
export function admitted<Call extends { readonly client: ClientFacts }>(call: Call): Call {
  const { clientId, clientHost } = call.client;
  return { ...call, client: { clientId: shortened(clientId), clientHost } };
}
