/**
 * FindCoordinator (10): the broker that coordinates a group, a transactional id or a share partition.
 *
 * What each version adds:
 *
 *      1  key types; error messages     4  many keys in one request (KIP-699)
 *      3  flexible                      5  TRANSACTION_ABORTABLE (KIP-890)     6  share partitions (KIP-932)
 *
 * Up to version 3 the request has one key, and the response has the coordinator's fields at the top. From
 * version 4 on both have arrays.
 */
import { defineApi, type RequestOf, type ResponseOf } from '../api.ts';
import { array, int8, int16, int32, string } from '../schema.ts';

/** The values of `keyType`. */
export const CoordinatorType = { GROUP: 0, TRANSACTION: 1, SHARE: 2 } as const;

export const findCoordinator = defineApi({
  key: 10,
  name: 'FindCoordinator',
  versions: '0-6',
  flexibleFrom: 3,
  request: {
    key: string('0-3'),
    keyType: int8('1+'),
    coordinatorKeys: array('4+', 'string'),
  },
  response: {
    throttleTimeMs: int32('1+'),
    errorCode: int16('0-3'),
    errorMessage: string('1-3', { nullable: '1-3' }),
    nodeId: int32('0-3'),
    host: string('0-3'),
    port: int32('0-3'),
    coordinators: array('4+', {
      key: string('4+'),
      nodeId: int32('4+'),
      host: string('4+'),
      port: int32('4+'),
      errorCode: int16('4+'),
      errorMessage: string('4+', { nullable: '4+' }),
    }),
  },
});

export type FindCoordinatorRequest = RequestOf<typeof findCoordinator>;
export type FindCoordinatorResponse = ResponseOf<typeof findCoordinator>;
