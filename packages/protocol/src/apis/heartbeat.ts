/**
 * Heartbeat (12): a member of a classic group says that it lives, and learns of a rebalance.
 *
 * What each version adds:
 *
 *      3  static members (KIP-345)     4  flexible
 */
import { defineApi, type RequestOf, type ResponseOf } from '../api.ts';
import { int16, int32, string } from '../schema.ts';

export const heartbeat = defineApi({
  key: 12,
  name: 'Heartbeat',
  versions: '0-4',
  flexibleFrom: 4,
  request: {
    groupId: string('0+'),
    generationId: int32('0+'),
    memberId: string('0+'),
    groupInstanceId: string('3+', { nullable: '3+', default: null }),
  },
  response: {
    throttleTimeMs: int32('1+'),
    errorCode: int16('0+'),
  },
});

export type HeartbeatRequest = RequestOf<typeof heartbeat>;
export type HeartbeatResponse = ResponseOf<typeof heartbeat>;
