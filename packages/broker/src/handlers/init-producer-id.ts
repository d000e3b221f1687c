/**
 * InitProducerId (22) for idempotent producers. The answer always has a new id with epoch 0, even if the
 * request names an id (KIP-98). The broker refuses a transactional id with a fatal error, because there is no
 * transaction coordinator yet.
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
