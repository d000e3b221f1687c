/**
 * Produce (0): appends record batches to partitions. One batch per partition; acks 0 gets no response.
 *
 * What each version adds:
 *
 *      3  record batch format 2, transactional ids     10  new leader and its address in errors (KIP-951)
 *      5  log start offset                             11  TRANSACTION_ABORTABLE (KIP-890)
 *      7  zstd                                         12  adds partitions to transactions (KIP-890)
 *      8  errors of single records (KIP-467)           13  topic ids instead of names (KIP-516)
 *      9  flexible
 *
 * The broker advertises Produce from version 0, although it refuses versions 0 to 2. librdkafka up to 2.10
 * compresses batches only for a broker that advertises these versions.
 */
import { defineApi, type RequestOf, type ResponseOf } from '../api.ts';
import { array, int16, int32, int64, records, string, struct, uuid } from '../schema.ts';

export const produce = defineApi({
  key: 0,
  name: 'Produce',
  versions: '3-13',
  advertisedMinVersion: 0,
  flexibleFrom: 9,
  request: {
    transactionalId: string('3+', { nullable: '3+', default: null }),
    acks: int16('0+'),
    timeoutMs: int32('0+'),
    topicData: array('0+', {
      name: string('0-12'),
      topicId: uuid('13+'),
      partitionData: array('0+', {
        index: int32('0+'),
        records: records('0+'),
      }),
    }),
  },
  response: {
    responses: array('0+', {
      name: string('0-12'),
      topicId: uuid('13+'),
      partitionResponses: array('0+', {
        index: int32('0+'),
        errorCode: int16('0+'),
        baseOffset: int64('0+'),
        logAppendTimeMs: int64('2+', { default: -1 }),
        logStartOffset: int64('5+', { default: -1 }),
        recordErrors: array('8+', {
          batchIndex: int32('8+'),
          batchIndexErrorMessage: string('8+', { nullable: '8+', default: null }),
        }),
        errorMessage: string('8+', { nullable: '8+', default: null }),
        currentLeader: struct(
          '10+',
          { tag: 0 },
          {
            leaderId: int32('10+', { default: -1 }),
            leaderEpoch: int32('10+', { default: -1 }),
          },
        ),
      }),
    }),
    throttleTimeMs: int32('1+'),
    nodeEndpoints: array(
      '10+',
      { tag: 0 },
      {
        nodeId: int32('10+'),
        host: string('10+'),
        port: int32('10+'),
        rack: string('10+', { nullable: '10+', default: null }),
      },
    ),
  },
});

export type ProduceRequest = RequestOf<typeof produce>;
export type ProduceResponse = ResponseOf<typeof produce>;
