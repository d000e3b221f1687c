/**
 * InitProducerId (22) for idempotent producers: a fresh id with epoch 0, whatever the request names (KIP-98).
 * A transactional id is refused for good until there is a transaction coordinator.
 */
import { apis, ErrorCode } from '@millrace/protocol';
import { defineHandler } from '../handler.ts';

export const initProducerId = defineHandler(apis.initProducerId, (broker, { body }, reply) => {
  const refuse = (errorCode: ErrorCode) => reply.send({ errorCode, producerId: -1, producerEpoch: -1 });
  if ((body.producerId === -1) !== (body.producerEpoch === -1)) {
    refuse(ErrorCode.INVALID_REQUEST);
    return;
  }
  if (body.transactionalId !== null) {
    refuse(body.transactionalId === '' ? ErrorCode.INVALID_REQUEST : ErrorCode.UNSUPPORTED_VERSION);
    return;
  }
  broker.producerIds.next(({ errorCode, producerId }) => {
    if (errorCode !== ErrorCode.NONE) refuse(errorCode);
    else reply.send({ producerId, producerEpoch: 0 });
  });
});
