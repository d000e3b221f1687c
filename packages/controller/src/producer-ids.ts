/** Blocks of producer ids (KIP-730). The controller never gives an id to two brokers. */
import type { AllocateProducerIdsRequest, AllocateProducerIdsResponse } from '@millrace/control';
import type { MetadataImage } from '@millrace/metadata';
import { ErrorCode } from '@millrace/protocol';
import { currentRegistration } from './brokers.ts';
import { answer, type Decision } from './decision.ts';

/**
 * Decides a request for a block. Errors: STALE_BROKER_EPOCH; UNKNOWN_SERVER_ERROR when 2^53 ids have been
 * used.
 */
export function decideAllocateProducerIds(
  image: MetadataImage,
  request: AllocateProducerIdsRequest,
  blockSize: number,
): Decision<AllocateProducerIdsResponse> {
  const failed = (errorCode: number) => answer({ errorCode, producerIdStart: -1, producerIdCount: 0 });
  const { brokerId, brokerEpoch } = request;
  if (currentRegistration(image, brokerId, brokerEpoch) === undefined) {
    return failed(ErrorCode.STALE_BROKER_EPOCH);
  }
  const producerIdStart = image.nextProducerId;
  const nextProducerId = producerIdStart + blockSize;
  if (!Number.isSafeInteger(nextProducerId)) return failed(ErrorCode.UNKNOWN_SERVER_ERROR);
  return {
    records: [{ type: 'producerIds', brokerId, brokerEpoch, nextProducerId }],
    respond: () => ({ errorCode: ErrorCode.NONE, producerIdStart, producerIdCount: blockSize }),
  };
}
