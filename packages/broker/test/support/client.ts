/**
 * A client on one end of an in-memory stream: sends frames, collects answers, and reads as slowly as a test
 * wants.
 */
import type { Clock, Stream, StreamHandler } from '@millrace/base';
import {
  type AnyApi,
  type Api,
  apiByKey,
  decodeResponseHeader,
  encodeRequestFrame,
  FrameReader,
} from '@millrace/protocol';

export interface Answer<Response = unknown> {
  readonly correlationId: number;
  readonly api: string;
  readonly response: Response;
}

interface Server {
  accept(listenerName: string, stream: Stream): StreamHandler;
}

export class TestClient {
  /** The answers that this client has read, in order. */
  readonly answers: Answer[] = [];
  /** Number of writes of the broker. */
  writes = 0;
  /** True while the broker does not read. Bytes sent meanwhile arrive after the broker resumes. */
  paused = false;
  /** If true, the client reads nothing, and the broker's sends return false. */
  slow = false;
  /** True after the broker has closed its side with `Stream.end`. */
  ended = false;
  destroyed: string | undefined;

  private readonly clock: Clock;
  private readonly handler: StreamHandler;
  private readonly asked = new Map<number, { api: AnyApi; version: number }>();
  private readonly reader = new FrameReader(0x7fffffff);
  private readonly unread: Uint8Array[] = [];
  private readonly pending: Uint8Array[] = [];
  private nextCorrelationId = 1;
  private gone = false;
  /** True after the client has closed. The broker may still have bytes to read. */
  private finished = false;

  constructor(server: Server, clock: Clock, o: { listener?: string; address?: string } = {}) {
    this.clock = clock;
    this.handler = server.accept(o.listener ?? 'PLAINTEXT', this.stream(o.address ?? '10.0.0.1'));
  }

  /** Sends one request; returns its correlation id. */
  request<Req, Res, ReqInput, ResInput>(
    api: Api<Req, Res, ReqInput, ResInput>,
    version: number,
    value: ReqInput,
    clientId: string | null = 'test',
  ): number {
    const correlationId = this.expect(api as AnyApi, version);
    this.bytes(concat(encodeRequestFrame(api, version, correlationId, clientId, value)));
    return correlationId;
  }

  /** The bytes of a request, which the test then sends itself. */
  frame<Req, Res, ReqInput, ResInput>(
    api: Api<Req, Res, ReqInput, ResInput>,
    version: number,
    value: ReqInput,
  ): Uint8Array {
    return concat(encodeRequestFrame(api, version, this.expect(api as AnyApi, version), 'test', value));
  }

  /**
   * Returns the correlation id for a request of this API and version, so that the client can decode the
   * answer.
   */
  expect(api: AnyApi, version: number): number {
    const correlationId = this.nextCorrelationId++;
    this.asked.set(correlationId, { api, version });
    return correlationId;
  }

  bytes(bytes: Uint8Array): void {
    if (this.gone || this.finished) return;
    if (this.paused || this.pending.length > 0) this.pending.push(bytes);
    else this.deliver(bytes);
  }

  /** Like a socket, lends the bytes only for the call and overwrites them afterwards. */
  private deliver(bytes: Uint8Array): void {
    const lent = Buffer.from(bytes);
    this.handler.data(lent);
    lent.fill(0xdd);
  }

  /** Reads the unread answers, and resumes reading. */
  readOn(): void {
    this.slow = false;
    for (const chunk of this.unread.splice(0)) this.reader.push(chunk);
    this.decode();
    this.handler.drained();
  }

  get unreadBytes(): number {
    return this.unread.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  /** Closes the connection. The broker sees the close after it has read all earlier bytes. */
  close(): void {
    this.finished = true;
    if (this.gone || this.pending.length > 0) return;
    this.gone = true;
    this.handler.closed('the client closed');
  }

  /** The answers as "api#correlationId". */
  get order(): string[] {
    return this.answers.map(({ api, correlationId }) => `${api}#${correlationId}`);
  }

  answer<Res>(api: Api<unknown, Res, never, never>, correlationId: number): Res {
    const found = this.answers.find(
      (answer) => answer.correlationId === correlationId && answer.api === api.name,
    );
    if (found === undefined) throw new Error(`no answer ${correlationId}`);
    return found.response as Res;
  }

  private stream(address: string): Stream {
    const client = this;
    return {
      get unsentBytes() {
        return client.unreadBytes;
      },
      remoteAddress: address,
      send: (chunks) => {
        this.writes++;
        for (const chunk of chunks) this.unread.push(chunk.slice());
        if (this.slow) return false;
        for (const chunk of this.unread.splice(0)) this.reader.push(chunk);
        this.decode();
        return true;
      },
      pause: () => {
        this.paused = true;
      },
      resume: () => {
        this.paused = false;
        this.clock.soon(() => {
          while (!this.paused && this.pending.length > 0 && !this.gone) this.deliver(this.pending.shift()!);
          if (this.finished) this.close();
        });
      },
      end: () => {
        this.ended = true;
      },
      destroy: (reason) => {
        this.destroyed = reason;
        this.clock.soon(() => {
          if (this.gone) return;
          this.gone = true;
          this.handler.closed(reason);
        });
      },
    };
  }

  private decode(): void {
    for (;;) {
      const frame = this.reader.next();
      if (frame === undefined) return;
      const correlationId = new DataView(frame.buffer, frame.byteOffset).getInt32(0);
      const { api, version } = this.asked.get(correlationId)!;
      const { bodyPosition } = decodeResponseHeader(api, version, frame);
      const response = api.decodeResponse(version, frame, bodyPosition);
      this.answers.push({ correlationId, api: api.name, response });
    }
  }
}

export function concat(chunks: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let position = 0;
  for (const chunk of chunks) {
    all.set(chunk, position);
    position += chunk.length;
  }
  return all;
}

/** A frame that starts like a request of this API and version, and ends with `rest`. */
export function rawFrame(
  apiKey: number,
  apiVersion: number,
  correlationId: number,
  rest: Uint8Array = new Uint8Array(0),
) {
  const frame = new Uint8Array(12 + rest.length);
  const view = new DataView(frame.buffer);
  view.setInt32(0, 8 + rest.length);
  view.setInt16(4, apiKey);
  view.setInt16(6, apiVersion);
  view.setInt32(8, correlationId);
  frame.set(rest, 12);
  return frame;
}

export function apiNamed(key: number): AnyApi {
  return apiByKey.get(key)!;
}
