/** ApiVersions (18): the APIs that this broker supports. The answer lists no features yet (KIP-584). */
import { type AnyApi, apis, ErrorCode, type ResponseInputOf } from '@millrace/protocol';
import { defineHandler } from '../handler.ts';

type ApiVersionsResponse = ResponseInputOf<typeof apis.apiVersions>;

/** From version 3 on the client names its software; the grammar is KIP-511's. */
const SOFTWARE_NAME = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/;
const SOFTWARE_SINCE = 3;

export const apiVersions = defineHandler(apis.apiVersions, (broker, { version, body }, reply) => {
  const named = SOFTWARE_NAME.test(body.clientSoftwareName) && SOFTWARE_NAME.test(body.clientSoftwareVersion);
  if (version >= SOFTWARE_SINCE && !named) {
    reply.send({ errorCode: ErrorCode.INVALID_REQUEST });
    return;
  }
  reply.send({ apiKeys: broker.apis.map(rangeOf) });
});

/**
 * The answer to an ApiVersions request of an unsupported version. The answer has version 0, and lists only
 * the supported versions of ApiVersions.
 */
export function unsupportedApiVersions(api: AnyApi): ApiVersionsResponse {
  return { errorCode: ErrorCode.UNSUPPORTED_VERSION, apiKeys: [rangeOf(api)] };
}

function rangeOf({ key, advertisedMinVersion, maxVersion }: AnyApi) {
  return { apiKey: key, minVersion: advertisedMinVersion, maxVersion };
}
