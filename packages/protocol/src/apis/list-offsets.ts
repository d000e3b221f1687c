/**
 * ListOffsets (2): the offset for a timestamp, or for one of the special timestamps: -1 latest, -2 earliest,
 * -3 the record with the largest timestamp (7+), -4 earliest local (8+), -5 last tiered (9+), -6 earliest
 * pending upload (11+).
 *
 * What each version adds:
 *
 *      1  one offset with its timestamp     4  leader epochs (KIP-320)     6  flexible
 *      2  isolation level                   5  OFFSET_NOT_AVAILABLE       10  timeout (KIP-1075)
 *
 * Clients may ask for any int64 as a timestamp, and records may hold any.
 */
import { defineApi, type RequestOf, type ResponseOf } from '../api.ts';
import { array, int8, int16, int32, int64, string, timestamp } from '../schema.ts';

export const listOffsets = defineApi({
  key: 2,
  name: 'ListOffsets',
  versions: '1-11',
  flexibleFrom: 6,
  request: {
    replicaId: int32('0+'),
    isolationLevel: int8('2+'),
    topics: array('0+', {
      name: string('0+'),
      partitions: array('0+', {
        partitionIndex: int32('0+'),
        currentLeaderEpoch: int32('4+', { default: -1 }),
        timestamp: timestamp('0+'),
      }),
    }),
    timeoutMs: int32('10+'),
  },
  response: {
    throttleTimeMs: int32('2+'),
    topics: array('0+', {
      name: string('0+'),
      partitions: array('0+', {
        partitionIndex: int32('0+'),
        errorCode: int16('0+'),
        timestamp: timestamp('1+', { default: -1 }),
        offset: int64('1+', { default: -1 }),
        leaderEpoch: int32('4+', { default: -1 }),
      }),
    }),
  },
});

export type ListOffsetsRequest = RequestOf<typeof listOffsets>;
export type ListOffsetsResponse = ResponseOf<typeof listOffsets>;
