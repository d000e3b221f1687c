/**
 * Bytes that are not a request, each on a connection of its own: the broker closes that connection and
 * answers nothing. An answer would be out of order for the connection, and fail the run. Only for ApiVersions
 * a broker answers an unknown version.
 */
import type { BrokerConnection } from '@millrace/client';
import { type AnyApi, apis, ErrorCode, encodeRequestFrame } from '@millrace/protocol';
import { goodBatch } from './batches.ts';
import { type Answered, NO_TROUBLES, type Probe, type ProbeTools, UNKNOWN_TOPIC } from './probe.ts';

/** After this time the outcome is unknown: a frozen or cut off broker closes nothing. */
const PATIENCE_MS = 3_000;
/** The client closes the connection this long after it has sent half a frame. */
const HALF_MS = 100;
const HEADER_VERSION_AT = 6;
const ERROR_CODE_AT = 4;

/** Sends bytes on a connection of their own and waits until the broker closes it. */
function onOwnConnection(
  tools: ProbeTools,
  answered: Answered,
  send: (connection: BrokerConnection) => void,
): void {
  let hasSent = false;
  let isOurs = false;
  const connection = tools.open((changed) => {
    if (changed.isClosed) {
      patience.cancel();
      answered(hasSent && !isOurs ? 'closed' : undefined);
    } else {
      hasSent = true;
      send(changed);
    }
  });
  const patience = tools.env.life.clock.setTimer(PATIENCE_MS, () => {
    isOurs = true;
    connection.close();
  });
}

function closing(name: string, make: (tools: ProbeTools) => Uint8Array): Probe {
  return {
    name: `raw-${name}`,
    expected: ['closed'],
    troubles: NO_TROUBLES,
    ask: (tools, answered) =>
      onOwnConnection(tools, answered, (connection) => connection.sendRaw(make(tools))),
  };
}

function frame(bytes: readonly number[]): Uint8Array {
  return Uint8Array.of(0, 0, bytes.length >> 8, bytes.length, ...bytes);
}

/** API key, version, correlation id 7, no client id. */
function header(apiKey: number, version: number): number[] {
  return [apiKey >> 8, apiKey & 0xff, version >> 8, version & 0xff, 0, 0, 0, 7, 0xff, 0xff];
}

export const rawProbes: readonly Probe[] = [
  closing('negative-size', () => Uint8Array.of(0xff, 0xff, 0xff, 0xfe, 1, 2, 3)),
  closing('huge-size', () => Uint8Array.of(0x7f, 0xff, 0xff, 0xff, 1, 2, 3)),
  closing('cut-header', () => frame([0, 3, 0])),
  closing('unknown-api', () => frame(header(999, 0))),
  closing('version-too-new', () => frame(header(apis.fetch.key, 99))),
  closing('version-too-old', () => frame(header(apis.produce.key, 2))),
  closing('cut-body', () => frame([...header(apis.metadata.key, 1), 0, 0, 0, 2, 0])),
  closing('endless-array', () => frame([...header(apis.metadata.key, 1), 0x7f, 0xff, 0xff, 0xff])),
  closing('random-bytes', ({ env }) =>
    frame(Array.from({ length: 40 }, (_unused, index) => (index === 0 ? 0x7f : env.random.below(256)))),
  ),
  {
    name: 'raw-acks-0-refused',
    expected: ['closed'],
    troubles: NO_TROUBLES,
    ask: (tools, answered) =>
      onOwnConnection(tools, answered, (connection) => {
        const partitionData = [{ index: 0, records: goodBatch() }];
        connection.send(apis.produce, 9, {
          acks: 0,
          timeoutMs: 1_000,
          topicData: [{ name: UNKNOWN_TOPIC, partitionData }],
        });
      }),
  },
  {
    name: 'raw-half-frame',
    expected: ['closed'],
    troubles: NO_TROUBLES,
    ask: (tools, answered) =>
      onOwnConnection(tools, answered, (connection) => {
        connection.sendRaw(Uint8Array.of(0, 0, 1, 0, ...header(apis.fetch.key, 12)));
        tools.env.life.clock.setTimer(HALF_MS, () => connection.close());
      }),
  },
  {
    name: 'raw-api-versions-too-new',
    expected: [ErrorCode.UNSUPPORTED_VERSION],
    troubles: NO_TROUBLES,
    ask: ({ leader, env }, answered) =>
      leader.requestFrame(
        apis.apiVersions as AnyApi,
        (correlationId) => [futureApiVersions(correlationId, env.name)],
        (answer) =>
          answered(
            answer === undefined ? undefined : (answer[ERROR_CODE_AT]! << 8) | answer[ERROR_CODE_AT + 1]!,
          ),
      ),
  },
];

function futureApiVersions(correlationId: number, clientId: string): Uint8Array {
  const software = { clientSoftwareName: 'sim', clientSoftwareVersion: '1' };
  const chunks = encodeRequestFrame(apis.apiVersions, 4, correlationId, clientId, software);
  const bytes = Uint8Array.from(chunks.flatMap((chunk) => [...chunk]));
  bytes[HEADER_VERSION_AT + 1] = 77;
  return bytes;
}
