/** Version negotiation: what a broker says it supports (ApiVersions, KIP-35 and KIP-511). */
import {
  type AnyApi,
  type ApiVersionsResponse,
  apis,
  ErrorCode,
  encodeRequestFrame,
} from '@millrace/protocol';
import type { Connection } from './connection.ts';

export interface VersionsAsked {
  readonly clientId: string;
  /** Letters, digits, `-` and `.`; the broker refuses others (KIP-511). */
  readonly software: { readonly name: string; readonly version: string };
  /**
   * The timeout for connecting, and for the answer to ApiVersions. Undefined: the answer to ApiVersions has
   * the same timeout as every request.
   */
  readonly connectTimeoutMs?: number;
}

/**
 * Brokers have this version of ApiVersions since Kafka 2.4. Later versions add nothing that this client
 * reads.
 */
const NEWEST_VERSION = 3;
/** Position of the error code in an answer to ApiVersions: behind the correlation id. */
const ERROR_CODE_AT = 4;

export type VersionedApi = Pick<AnyApi, 'key' | 'minVersion' | 'maxVersion'>;

export class BrokerVersions {
  private readonly ranges: ReadonlyMap<number, { readonly minVersion: number; readonly maxVersion: number }>;

  constructor({ apiKeys }: Pick<ApiVersionsResponse, 'apiKeys'>) {
    this.ranges = new Map(apiKeys.map((entry) => [entry.apiKey, entry]));
  }

  has(apiKey: number): boolean {
    return this.ranges.has(apiKey);
  }

  /** The newest version that the broker and this client have; undefined: no such version exists. */
  newest({ key, minVersion, maxVersion }: VersionedApi): number | undefined {
    const range = this.ranges.get(key);
    if (range === undefined) return undefined;
    const version = Math.min(maxVersion, range.maxVersion);
    return version < Math.max(minVersion, range.minVersion) ? undefined : version;
  }
}

/**
 * Sends ApiVersions, the first request of a connection. Sends it again in an older version when the broker
 * does not know the newest one. `done` gets an error code if the broker refuses, and is not called when the
 * connection ends first.
 */
export function askVersions(
  connection: Connection,
  asked: VersionsAsked,
  done: (versions: BrokerVersions | number) => void,
  version: number = NEWEST_VERSION,
): void {
  const { apiVersions } = apis;
  const input = { clientSoftwareName: asked.software.name, clientSoftwareVersion: asked.software.version };
  connection.requestFrame(
    apiVersions as AnyApi,
    (correlationId) => encodeRequestFrame(apiVersions, version, correlationId, asked.clientId, input),
    (frame) => {
      if (frame === undefined) return;
      const isRefused = version > 0 && errorCodeOf(frame) === ErrorCode.UNSUPPORTED_VERSION;
      // The broker answers an unknown version in version 0 (KIP-511). The header has no tagged fields.
      const response = apiVersions.decodeResponse(isRefused ? 0 : version, frame, ERROR_CODE_AT);
      if (isRefused) {
        const known = new BrokerVersions(response).newest(apiVersions) ?? 0;
        askVersions(connection, asked, done, Math.min(known, version - 1));
      } else done(response.errorCode === ErrorCode.NONE ? new BrokerVersions(response) : response.errorCode);
    },
    asked.connectTimeoutMs,
  );
}

function errorCodeOf(frame: Uint8Array): number | undefined {
  if (frame.length < ERROR_CODE_AT + 2) return undefined;
  return (frame[ERROR_CODE_AT]! << 8) | frame[ERROR_CODE_AT + 1]!;
}
