/**
 * A small Kafka client for the command line: one connection, one request at a time, in the newest version
 * that both sides have.
 */
import { connect, type Socket } from 'node:net';
import {
  type Api,
  apis,
  decodeResponseHeader,
  encodeRequestFrame,
  FrameReader,
  type RequestInputOf,
  type ResponseOf,
} from '@millrace/protocol';
import { UserError } from './user-error.ts';
import { millraceVersion } from './version.ts';

const RESPONSE_BYTES_MAX = 100 << 20;
/** The wait for an answer. It is longer than the timeout that any command puts into a request. */
const ANSWER_TIMEOUT_MS = 20_000;

// biome-ignore lint/suspicious/noExplicitAny: any API of the table
type AnyApi = Api<any, any, any, any>;

export class KafkaClient {
  readonly address: string;
  private readonly socket: Socket;
  private readonly frames = new FrameReader(RESPONSE_BYTES_MAX);
  private readonly waiting: { resolve(frame: Uint8Array): void; reject(error: Error): void }[] = [];
  private correlationId = 0;
  private versions = new Map<number, { minVersion: number; maxVersion: number }>();

  private constructor(address: string, socket: Socket) {
    this.address = address;
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.frames.push(chunk);
      for (let frame = this.frames.next(); frame !== undefined; frame = this.frames.next()) {
        this.waiting.shift()?.resolve(frame);
      }
    });
    socket.on('error', (error) => this.fail(error.message));
    socket.on('close', () => this.fail('the broker closed the connection'));
  }

  private fail(why: string): void {
    for (const waiter of this.waiting.splice(0)) waiter.reject(new UserError(`${this.address}: ${why}`));
  }

  /** Connects to the first broker of a `host:port,host:port` list that answers. */
  static async bootstrap(servers: string, timeoutMs = 5000): Promise<KafkaClient> {
    const reasons: string[] = [];
    for (const server of servers.split(',').map((text) => text.trim())) {
      try {
        return await KafkaClient.connect(server, timeoutMs);
      } catch (error) {
        reasons.push(error instanceof Error ? error.message : String(error));
      }
    }
    throw new UserError(`no broker of ${servers} answers (${reasons.join('; ')})`);
  }

  static async connect(server: string, timeoutMs: number): Promise<KafkaClient> {
    const colon = server.lastIndexOf(':');
    const port = Number(server.slice(colon + 1));
    if (colon < 1 || !Number.isInteger(port) || port < 1 || port > 65535) {
      throw new UserError(
        `invalid broker address '${server}': expected host:port, for example localhost:9092`,
      );
    }
    const socket = connect({ host: server.slice(0, colon), port, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string) => {
        socket.destroy();
        reject(new UserError(`${server}: ${why}`));
      };
      socket.setTimeout(timeoutMs, () => fail(`no answer within ${timeoutMs} ms`));
      socket.once('error', (error) => fail(error.message));
      socket.once('connect', () => {
        socket.removeAllListeners('error');
        socket.setTimeout(0);
        resolve();
      });
    });
    const client = new KafkaClient(server, socket);
    const self = { clientSoftwareName: 'millrace-cli', clientSoftwareVersion: millraceVersion };
    try {
      const answer = await client.exchange(apis.apiVersions, 3, self, timeoutMs);
      client.versions = new Map(answer.apiKeys.map((entry) => [entry.apiKey, entry]));
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  /**
   * Sends one request and waits for its answer. Rejects with a UserError when the connection breaks or the
   * answer does not come in time.
   */
  async call<A extends AnyApi>(
    api: A,
    request: RequestInputOf<A>,
    timeoutMs = ANSWER_TIMEOUT_MS,
  ): Promise<ResponseOf<A>> {
    const range = this.versions.get(api.key);
    const version = Math.min(api.maxVersion, range?.maxVersion ?? -1);
    if (version < api.minVersion)
      throw new UserError(`${this.address} does not support any ${api.name} version of this client`);
    return this.exchange(api, version, request, timeoutMs);
  }

  close(): void {
    this.socket.destroy();
  }

  private async exchange<A extends AnyApi>(
    api: A,
    version: number,
    request: RequestInputOf<A>,
    timeoutMs: number,
  ): Promise<ResponseOf<A>> {
    const answered = new Promise<Uint8Array>((resolve, reject) => this.waiting.push({ resolve, reject }));
    const late = `no answer to ${api.name} within ${timeoutMs} ms`;
    const timer = setTimeout(() => this.fail(late), timeoutMs);
    for (const chunk of encodeRequestFrame(api, version, this.correlationId++, 'millrace-cli', request)) {
      this.socket.write(chunk);
    }
    const frame = await answered.finally(() => clearTimeout(timer));
    const { bodyPosition } = decodeResponseHeader(api, version, frame);
    return api.decodeResponse(version, frame, bodyPosition) as ResponseOf<A>;
  }
}
