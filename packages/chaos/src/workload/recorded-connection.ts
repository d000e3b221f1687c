/** A connection to a group's coordinator that shows its requests to a recorder. */
import { type Clock, Timers } from '@millrace/base';
import { NodeNet } from '@millrace/base/io';
import { BrokerConnection, type OpenConnection } from '@millrace/client';
import type { Api } from '@millrace/protocol';
import type { GroupRecorder } from './group-recorder.ts';

export interface RecordedConnectionOptions {
  readonly clock: Clock;
  readonly clientId: string;
  readonly requestTimeoutMs: number;
  readonly recorder: GroupRecorder;
}

const CONNECT_TIMEOUT_MS = 5_000;
const ANSWER_BYTES_MAX = 256 << 20;

class RecordedConnection extends BrokerConnection {
  private readonly recorder: GroupRecorder;

  constructor(recorder: GroupRecorder, ...how: ConstructorParameters<typeof BrokerConnection>) {
    super(...how);
    this.recorder = recorder;
  }

  override request<Request, Response, RequestInput, ResponseInput>(
    api: Api<Request, Response, RequestInput, ResponseInput>,
    version: number,
    input: RequestInput,
    done: (response: Response | undefined) => void,
    timeoutMs?: number,
  ): void {
    const taken = this.recorder.sent(api, version, input);
    const told = (response: Response | undefined) => {
      taken?.(response);
      done(response);
    };
    super.request(api, version, input, taken === undefined ? done : told, timeoutMs);
  }
}

export function recordedConnections(options: RecordedConnectionOptions): OpenConnection {
  const { clock, clientId, requestTimeoutMs, recorder } = options;
  const net = new NodeNet();
  return (address, changed) => {
    const timers = new Timers(clock);
    return new RecordedConnection(
      recorder,
      {
        net,
        address,
        timers,
        clientId,
        software: { name: 'millrace-chaos', version: '1' },
        connectTimeoutMs: CONNECT_TIMEOUT_MS,
        requestTimeoutMs,
        frameBytesMax: ANSWER_BYTES_MAX,
      },
      {
        changed: (connection) => {
          // A timer that is left would keep the process alive.
          if (connection.isClosed) timers.stop();
          changed(connection);
        },
      },
    );
  };
}
