/**
 * A client with promises, for hosts such as commands, tests and benchmarks. The client has one connection to
 * one broker, and sends every request there, by default in the newest version that both sides have.
 */
import { type Address, type Clock, type Millis, type Net, Timers } from '@millrace/base';
import { NodeClock, NodeNet } from '@millrace/base/io';
import {
  type AnyApi,
  decodeResponseHeader,
  encodeRequestFrame,
  type RequestInputOf,
  type ResponseOf,
} from '@millrace/protocol';
import { parseAddress } from '../addresses.ts';
import { BrokerConnection } from '../connection/broker-connection.ts';

/** Thrown when the client cannot connect, cannot send a request, or gets no answer. The message says why. */
export class ClientError extends Error {
  override readonly name = 'ClientError';
}

export interface KafkaClientOptions {
  /** The client id, and the name of the client software. Default `millrace`. */
  readonly clientId?: string;
  /** The version of the client software. Default 1. */
  readonly softwareVersion?: string;
  /**
   * How long opening the connection may take. The wait for the first answer (ApiVersions) may take this long
   * again. Default: 5000.
   */
  readonly connectTimeoutMs?: Millis;
  /**
   * The time limit for an answer. Must be longer than any timeout that a request names to the broker. Default
   * 20,000.
   */
  readonly requestTimeoutMs?: Millis;
  /** The largest answer, in bytes. Default 256 MiB. */
  readonly answerBytesMax?: number;
  /** The network. Default: sockets. */
  readonly net?: Net;
  /** The clock. Default: the process's clock. */
  readonly clock?: Clock;
}

export interface CallOptions {
  /** Sends this version, whether the broker advertises it or not. */
  readonly version?: number;
  readonly timeoutMs?: Millis;
}

const CONNECT_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 20_000;
const ANSWER_BYTES_MAX = 256 << 20;
/** The reason that NodeNet gives when the peer closes. */
const CLOSED_BY_PEER = 'closed by the peer';

export class KafkaClient {
  /** `host:port` of the broker. */
  readonly server: string;
  private readonly clientId: string;
  private readonly timers: Timers;
  private readonly connection: BrokerConnection;

  private constructor(
    server: string,
    address: Address,
    options: KafkaClientOptions,
    changed: (connection: BrokerConnection) => void,
  ) {
    this.server = server;
    this.clientId = options.clientId ?? 'millrace';
    this.timers = new Timers(options.clock ?? new NodeClock());
    this.connection = new BrokerConnection(
      {
        net: options.net ?? new NodeNet(),
        address,
        timers: this.timers,
        clientId: this.clientId,
        software: { name: this.clientId, version: options.softwareVersion ?? '1' },
        connectTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
        requestTimeoutMs: options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
        frameBytesMax: options.answerBytesMax ?? ANSWER_BYTES_MAX,
      },
      {
        changed: (connection) => {
          // A timer that is left would keep the process alive.
          if (connection.isClosed) this.timers.stop();
          changed(connection);
        },
      },
    );
  }

  /**
   * Tries the brokers of a `host:port,host:port` list in order, and connects to the first one that answers.
   * Rejects with a ClientError if none answers.
   */
  static async bootstrap(servers: string, options: KafkaClientOptions = {}): Promise<KafkaClient> {
    const reasons: string[] = [];
    for (const server of servers.split(',')) {
      try {
        return await KafkaClient.connect(server.trim(), options);
      } catch (error) {
        if (!(error instanceof ClientError)) throw error;
        reasons.push(error.message);
      }
    }
    throw new ClientError(`no broker of ${servers} answers (${reasons.join('; ')})`);
  }

  /** Connects to this broker, and waits until it has answered ApiVersions. May reject with a ClientError. */
  static connect(server: string, options: KafkaClientOptions = {}): Promise<KafkaClient> {
    return new Promise((resolve, reject) => {
      const address = parseAddress(server);
      if (address === undefined) {
        const expected = 'expected host:port, for example localhost:9092';
        throw new ClientError(`invalid broker address '${server}': ${expected}`);
      }
      const client = new KafkaClient(server, address, options, (connection) => {
        if (connection.isReady) resolve(client);
        else reject(new ClientError(`${server}: ${sentence(connection.closeReason)}`));
      });
    });
  }

  /** Whether the broker advertises the API. */
  has(apiKey: number): boolean {
    return this.connection.versions?.has(apiKey) === true;
  }

  /**
   * Sends one request and waits for its answer. The answer is a copy, so the caller may keep it. Calls may
   * overlap. When the connection ends, for example because an answer does not come in time, every call under
   * way is rejected with a ClientError. The outcomes of these calls are unknown.
   */
  call<A extends AnyApi>(
    api: A,
    request: RequestInputOf<A>,
    { version, timeoutMs }: CallOptions = {},
  ): Promise<ResponseOf<A>> {
    return new Promise((resolve, reject) => {
      const { connection, server } = this;
      if (!connection.isReady) throw this.lost();
      const chosen = version ?? connection.versions?.newest(api);
      if (chosen === undefined)
        throw new ClientError(`${server} does not support any ${api.name} version of this client`);
      connection.requestFrame(
        api,
        (correlationId) => encodeRequestFrame(api, chosen, correlationId, this.clientId, request),
        (lent) => {
          if (lent === undefined) {
            reject(this.lost());
            return;
          }
          try {
            const frame = new Uint8Array(lent);
            const { bodyPosition } = decodeResponseHeader(api, chosen, frame);
            resolve(api.decodeResponse(chosen, frame, bodyPosition) as ResponseOf<A>);
          } catch (error) {
            reject(error);
            throw error;
          }
        },
        timeoutMs,
      );
    });
  }

  /** Closes the connection; calls under way are rejected. */
  close(): void {
    this.timers.stop();
    this.connection.close();
  }

  private lost(): ClientError {
    return new ClientError(`${this.server}: ${sentence(this.connection.closeReason)}`);
  }
}

/** The close reason as a user would put it. `closeReason` undefined: this client is closing. */
function sentence(closeReason: string | undefined): string {
  if (closeReason === CLOSED_BY_PEER) return 'the broker closed the connection';
  return closeReason ?? 'closed by the client';
}
