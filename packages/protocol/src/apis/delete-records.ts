/**
 * DeleteRecords (21): raises the log start offset of partitions (KIP-107). Offset -1 is the high watermark.
 * The low watermark of a partition is the smallest log start offset of its live replicas. The decoder clamps
 * an offset to the safe integers. A clamped offset is out of range, like the original offset.
 */
import { defineApi, type RequestOf, type ResponseOf } from '../api.ts';
import { array, int16, int32, int64, string } from '../schema.ts';

export const deleteRecords = defineApi({
  key: 21,
  name: 'DeleteRecords',
  versions: '0-2',
  flexibleFrom: 2,
  request: {
    topics: array('0+', {
      name: string('0+'),
      partitions: array('0+', {
        partitionIndex: int32('0+'),
        offset: int64('0+', { clamp: true }),
      }),
    }),
    timeoutMs: int32('0+'),
  },
  response: {
    throttleTimeMs: int32('0+'),
    topics: array('0+', {
      name: string('0+'),
      partitions: array('0+', {
        partitionIndex: int32('0+'),
        lowWatermark: int64('0+'),
        errorCode: int16('0+'),
      }),
    }),
  },
});

export type DeleteRecordsRequest = RequestOf<typeof deleteRecords>;
export type DeleteRecordsResponse = ResponseOf<typeof deleteRecords>;
