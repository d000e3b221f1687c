/**
 * DescribeQuorum (55), KIP-595: forwarded, because only the active controller knows the offsets of its
 * followers.
 */
import { apis, ErrorCode } from '@millrace/protocol';
import { defineHandler } from '../handler.ts';

/** The request has no timeout of its own. */
const TIMEOUT_MS = 10_000;

export const describeQuorum = defineHandler(apis.describeQuorum, (broker, request, reply) => {
  const { version, clientId, bytes } = request;
  const forwarded = {
    apiKey: apis.describeQuorum.key,
    apiVersion: version,
    clientId,
    body: new Uint8Array(bytes),
  };
  broker.forward({ ...forwarded, timeoutMs: TIMEOUT_MS }, ({ errorCode, body }) => {
    if (errorCode === ErrorCode.NONE) reply.sendEncoded(body);
    else reply.send({ errorCode, errorMessage: 'The active controller did not answer in time.' });
  });
});
