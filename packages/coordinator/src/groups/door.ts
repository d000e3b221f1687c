/**
 * The limits of requests, checked before the request reaches a group. A record could not hold a longer id:
 * two ids with the same start would become one. Kafka has no such limits.
 */
import { type ConsumerGroupHeartbeatRequest, ErrorCode, type JoinGroupRequest } from '@millrace/protocol';
import type { ClientFacts } from '../client-facts.ts';
import { fitsRecord, shortened } from '../limits.ts';

/** Clients name one protocol for each of their assignors. */
const PROTOCOLS_MAX = 100;

export function joinFault(request: JoinGroupRequest): ErrorCode | undefined {
  const { memberId, groupInstanceId, protocolType, protocols } = request;
  if (!fitsRecord(memberId)) return ErrorCode.UNKNOWN_MEMBER_ID;
  if (!fitsRecord(groupInstanceId)) return ErrorCode.INVALID_REQUEST;
  const isUsual = protocols.length <= PROTOCOLS_MAX && protocols.every(({ name }) => fitsRecord(name));
  return isUsual && fitsRecord(protocolType) ? undefined : ErrorCode.INCONSISTENT_GROUP_PROTOCOL;
}

/** The message of INVALID_REQUEST. */
export function consumerHeartbeatFault(request: ConsumerGroupHeartbeatRequest): string | undefined {
  const { memberId, instanceId, rackId, subscribedTopicNames } = request;
  if (!fitsRecord(memberId)) return 'MemberId is too long.';
  if (!fitsRecord(instanceId)) return 'InstanceId is too long.';
  if (!fitsRecord(rackId)) return 'RackId is too long.';
  return subscribedTopicNames?.every(fitsRecord) === false ? 'A topic name is too long.' : undefined;
}

/** Groups keep the client id, and member ids begin with it. */
export function admitted<Call extends { readonly client: ClientFacts }>(call: Call): Call {
  const { clientId, clientHost } = call.client;
  return { ...call, client: { clientId: shortened(clientId), clientHost } };
}
