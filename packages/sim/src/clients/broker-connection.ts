/**
 * Connections of the simulated clients. The run fails if a broker answers out of order, or with bytes that
 * are not an answer.
 */
import { type Address, type Millis, Timers } from '@millrace/base';
import {
  BrokerConnection,
  type BrokerConnectionEvents,
  type BrokerConnectionOptions,
} from '@millrace/client';
import type { Api } from '@millrace/protocol';
import { countAnswerCodes } from './answer-codes.ts';
import type { ClientEnv } from './env.ts';
import type { GroupRecorder } from './group-recorder.ts';

const FRAME_BYTES_MAX = 64 << 20;

/** A connection that passes its group requests to a recorder. */
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
    timeoutMs?: Millis,
  ): void {
    const taken = this.recorder.sent(api, version, input);
    const told = (response: Response | undefined) => {
      taken?.(response);
      done(response);
    };
    super.request(api, version, input, taken === undefined ? done : told, timeoutMs);
  }
}

/**
 * Opens a connection. Calls `changed` when the connection is ready, and when it is closed. `recorder`: writes
 * the group requests on this connection to the history.
 */
export function openConnection(
  env: ClientEnv,
  address: Address,
  requestTimeoutMs: Millis,
  changed: (connection: BrokerConnection) => void,
  recorder?: GroupRecorder,
): BrokerConnection {
  const { name, net, world } = env;
  const timers = new Timers(env.life.clock);
  const options: BrokerConnectionOptions = {
    net,
    address,
    timers,
    clientId: name,
    software: { name: 'sim', version: '1' },
    requestTimeoutMs,
    frameBytesMax: FRAME_BYTES_MAX,
  };
  const events: BrokerConnectionEvents = {
    changed: (connection) => {
      if (connection.isClosed) timers.stop();
      changed(connection);
    },
    answered: (api, response) => countAnswerCodes(world, api.name, response),
    misordered: (correlationId) =>
      world.fail('answers-in-order', `${name} got answer ${correlationId} out of order`),
    malformed: (message) => world.fail('answers-are-well-formed', `${name}: ${message}`),
  };
  return recorder === undefined
    ? new BrokerConnection(options, events)
    : new RecordedConnection(recorder, options, events);
}
