/**
 * A Net in memory. The test plays the brokers: it sees the requests, and answers, breaks the connection or
 * keeps silent. Like a socket, the net only lends received bytes: it overwrites them after the call.
 */
import type { Address, Clock, Net, Stream, StreamHandler } from '@millrace/base';
import {
  type AnyApi,
  type Api,
  apiByKey,
  apis,
  decodeRequestHeader,
  encodeResponseFrame,
  FrameReader,
} from '@millrace/protocol';

export interface Received {
  readonly api: string;
  readonly version: number;
  readonly correlationId: number;
  readonly request: unknown;
}

/** The broker's end of one connection. */
export class BrokerEnd {
  readonly address: Address;
  readonly received: Received[] = [];
  /** Why the client closed its end; undefined before. */
  destroyed: string | undefined;
  /** The frames whose API key is unknown. */
  readonly odd: Uint8Array[] = [];
  private readonly clock: Clock;
  private readonly handler: StreamHandler;
  private readonly frames = new FrameReader(1 << 30);
  private isGone = false;

  constructor(clock: Clock, address: Address, handler: StreamHandler) {
    this.clock = clock;
    this.address = address;
    this.handler = handler;
  }

  open(): void {
    this.handler.opened?.();
  }

  /** The names of the requests without an answer yet, oldest first. */
  get waiting(): string[] {
    return this.received.map(({ api }) => api);
  }

  /** Answers the oldest request, which must be of this API. Returns it. */
  answer<Req, Res, ReqInput, ResInput>(api: Api<Req, Res, ReqInput, ResInput>, value: ResInput): Req {
    const oldest = this.received.shift();
    if (oldest?.api !== api.name) throw new Error(`${oldest?.api} waits for an answer, not ${api.name}`);
    this.bytes(frameOf(api as AnyApi, oldest.version, oldest.correlationId, value));
    return oldest.request as Req;
  }

  /** Answers ApiVersions with every version of the client's APIs. `except`: lower maxima, by API key. */
  answerVersions(except: { readonly [apiKey: number]: number } = {}): void {
    const apiKeys = [...apiByKey.values()].map(({ key, minVersion, maxVersion }) => ({
      apiKey: key,
      minVersion,
      maxVersion: except[key] ?? maxVersion,
    }));
    this.answer(apis.apiVersions, { apiKeys });
  }

  bytes(bytes: Uint8Array): void {
    const lent = new Uint8Array(bytes);
    this.handler.data(lent);
    lent.fill(0xdd);
  }

  /** Breaks the connection. */
  breaks(reason = 'connection reset by the peer'): void {
    if (this.isGone) return;
    this.isGone = true;
    this.handler.closed(reason);
  }

  stream(): Stream {
    return {
      remoteAddress: this.address.host,
      unsentBytes: 0,
      send: (chunks) => {
        for (const chunk of chunks) this.frames.push(chunk.slice());
        this.read();
        return true;
      },
      pause() {},
      resume() {},
      end() {},
      destroy: (reason) => {
        this.destroyed ??= reason;
        this.clock.soon(() => this.breaks(reason));
      },
    };
  }

  private read(): void {
    for (let frame = this.frames.next(); frame !== undefined; frame = this.frames.next()) {
      const { apiKey, apiVersion, correlationId, bodyPosition } = decodeRequestHeader(frame);
      const api = apiByKey.get(apiKey);
      if (api === undefined) {
        this.odd.push(frame);
        continue;
      }
      const request = api.decodeRequest(apiVersion, frame, bodyPosition);
      this.received.push({ api: api.name, version: apiVersion, correlationId, request });
    }
  }
}

export class MemoryNet implements Net {
  /** Every connection so far, oldest first. */
  readonly ends: BrokerEnd[] = [];
  private readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  get last(): BrokerEnd {
    return this.ends.at(-1)!;
  }

  /** The newest connection to this port. */
  to(port: number): BrokerEnd {
    const found = this.ends.filter(({ address }) => address.port === port).at(-1);
    if (found === undefined) throw new Error(`no connection to port ${port}`);
    return found;
  }

  listen(): never {
    throw new Error('a client does not listen');
  }

  connect(address: Address, handler: StreamHandler): Stream {
    const end = new BrokerEnd(this.clock, address, handler);
    this.ends.push(end);
    return end.stream();
  }
}

export function frameOf(api: AnyApi, version: number, correlationId: number, value: unknown): Uint8Array {
  return new Uint8Array(Buffer.concat(encodeResponseFrame(api, version, correlationId, value)));
}
