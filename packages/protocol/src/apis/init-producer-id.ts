/**
 * InitProducerId (22): a producer id and epoch, for idempotence and transactions. Leaves out version 6
 * (two-phase commit, KIP-939), which Kafka marks as unstable.
 *
 * Clients may send any int64 as their producer id. The decoder clamps an id to the safe integers, and no
 * producer has a clamped id.
 *
 * What each version adds:
 *
 *      2  flexible     3  epoch bump (KIP-360)     4  PRODUCER_FENCED     5  TRANSACTION_ABORTABLE (KIP-890)
 */
import { defineApi, type RequestOf, type ResponseOf } from '../api.ts';
import { int16, int32, int64, string } from '../schema.ts';

export const initProducerId = defineApi({
  key: 22,
  name: 'InitProducerId',
  versions: '0-5',
  flexibleFrom: 2,
  request: {
    transactionalId: string('0+', { nullable: '0+' }),
    transactionTimeoutMs: int32('0+'),
    producerId: int64('3+', { default: -1, clamp: true }),
    producerEpoch: int16('3+', { default: -1 }),
  },
  response: {
    throttleTimeMs: int32('0+'),
    errorCode: int16('0+'),
    producerId: int64('0+', { default: -1 }),
    producerEpoch: int16('0+'),
  },
});

export type InitProducerIdRequest = RequestOf<typeof initProducerId>;
export type InitProducerIdResponse = ResponseOf<typeof initProducerId>;
