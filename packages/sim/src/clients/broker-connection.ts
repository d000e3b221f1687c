/**
 * Connections of the simulated clients. A broker that answers out of order, or with bytes that are not an
 * answer, fails the run.
 */
import { type Address, type Millis, Timers } from '@millrace/base';
import { BrokerConnection } from '@millrace/client';
import { countAnswerCodes } from './answer-codes.ts';
import type { ClientEnv } from './env.ts';

const FRAME_BYTES_MAX = 64 << 20;

/** Calls `changed` when the connection is ready, and when it is closed. */
export function openConnection(
  env: ClientEnv,
  address: Address,
  requestTimeoutMs: Millis,
  changed: (connection: BrokerConnection) => void,
): BrokerConnection {
  const { name, net, world } = env;
  const timers = new Timers(env.life.clock);
  return new BrokerConnection(
    {
      net,
      address,
      timers,
      clientId: name,
      software: { name: 'sim', version: '1' },
      requestTimeoutMs,
      frameBytesMax: FRAME_BYTES_MAX,
    },
    {
      changed: (connection) => {
        if (connection.isClosed) timers.stop();
        changed(connection);
      },
      answered: (api, response) => countAnswerCodes(world, api.name, response),
      misordered: (correlationId) =>
        world.fail('answers-in-order', `${name} got answer ${correlationId} out of order`),
      malformed: (message) => world.fail('answers-are-well-formed', `${name}: ${message}`),
    },
  );
}
