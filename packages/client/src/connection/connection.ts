/**
 * One connection to a broker: sends requests, receives answers, and watches the deadlines. The owner may send
 * further requests before an answer comes, and the broker answers in the order of sending. A late, misordered
 * or undecodable answer ends the connection, and with it every request in flight. The connection does not
 * know what the APIs mean. The owner decides when to reconnect.
 */
import {
  type Address,
  assert,
  type Deadline,
  type DueCallback,
  type Millis,
  type Net,
  type Stream,
  type Timers,
} from '@millrace/base';
import {
  type AnyApi,
  type Api,
  DecodeError,
  decodeResponseHeader,
  encodeRequestFrame,
  FrameReader,
  type SpareBuffers,
} from '@millrace/protocol';

/** How long an answer may take to arrive after the broker's own timeout has ended. */
const ANSWER_SLACK_MS = 5_000;

export interface ConnectionOptions {
  readonly net: Net;
  readonly address: Address;
  /** The owner's deadlines. A connection sets no timer of its own. */
  readonly timers: Timers;
  readonly clientId: string;
  /** The time limit from sending a request to the last byte of its answer. */
  readonly requestTimeoutMs: Millis;
  /** The time limit for connecting. Undefined: only the Net limits it. */
  readonly connectTimeoutMs?: Millis;
  /** The largest answer, in bytes. */
  readonly frameBytesMax: number;
  /**
   * The buffers for assembling answers. Without them, an answer that comes in several chunks gets memory of
   * its own.
   */
  readonly spares?: SpareBuffers;
}

export interface ConnectionEvents {
  opened(): void;
  /**
   * The last event, called once, and never within a call of the owner. The requests in flight have ended
   * before it. Not called after `abandon`.
   */
  closed(reason: string): void;
  /** Called with each answer that this connection decodes, before its request ends. */
  answered?(api: AnyApi, response: unknown): void;
  /** Called when the broker answers out of order, or without a request. The connection closes. */
  misordered?(correlationId: number): void;
  /** Called when the broker sends bytes that are not an answer. The connection closes. */
  malformed?(message: string): void;
}

/**
 * Gets the answer, or undefined if the connection ended first. The outcome of the request is then unknown.
 */
type Done<Response> = (response: Response | undefined) => void;

interface InFlight {
  readonly correlationId: number;
  readonly api: AnyApi;
  readonly version: number;
  /** True: the owner gets the answer as a frame, and decodes it. */
  readonly isRaw: boolean;
  readonly timeoutMs: Millis;
  readonly deadline: Deadline<DueCallback>;
  readonly done: Done<unknown>;
}

const CORRELATION_BYTES = 4;

export class Connection {
  isOpen = false;
  /** Why the connection ended; undefined: it has not ended. */
  closeReason: string | undefined;
  private readonly options: ConnectionOptions;
  private readonly events: ConnectionEvents;
  private readonly stream: Stream;
  private readonly frames: FrameReader;
  private readonly connectDeadline: Deadline<DueCallback> | undefined;
  /** The requests without an answer, in the order of sending. */
  private inFlight: InFlight[] = [];
  private correlationId = 0;
  /**
   * True: the connection takes in no more bytes. `closed` follows unless the owner abandoned the connection.
   */
  private isClosing = false;
  private isAbandoned = false;
  /** The callback of every deadline here. All requests share it, so that none needs a closure of its own. */
  private readonly late = (): void => {
    if (!this.isOpen) {
      this.close(`no connection within ${this.options.connectTimeoutMs} ms`);
      return;
    }
    const request = this.inFlight.find(({ deadline }) => !deadline.pending);
    this.close(`no answer to ${request?.api.name} within ${request?.timeoutMs} ms`);
  };

  constructor(options: ConnectionOptions, events: ConnectionEvents) {
    this.options = options;
    this.events = events;
    this.frames = new FrameReader(options.frameBytesMax, options.spares);
    if (options.connectTimeoutMs !== undefined)
      this.connectDeadline = options.timers.after(options.connectTimeoutMs, this.late);
    this.stream = options.net.connect(options.address, {
      opened: () => this.opened(),
      data: (chunk) => this.received(chunk),
      drained: () => {},
      closed: (reason) => this.closed(reason),
    });
  }

  get inFlightCount(): number {
    return this.inFlight.length;
  }

  /**
   * The timeout of a request for which the broker itself may take `brokerMs`. If the connection gave up
   * first, the client would not learn the outcome, and the other requests in flight would fail, too.
   */
  timeoutCovering(brokerMs: Millis): Millis {
    return Math.max(this.options.requestTimeoutMs, brokerMs + ANSWER_SLACK_MS);
  }

  /**
   * Sends a request. Calls `done` once, unless the owner abandons the connection. Bytes in the answer are
   * lent: they are valid only until `done` returns. The connection must be open.
   */
  request<Request, Response, RequestInput, ResponseInput>(
    api: Api<Request, Response, RequestInput, ResponseInput>,
    version: number,
    input: RequestInput,
    done: Done<Response>,
    timeoutMs: Millis = this.options.requestTimeoutMs,
  ): void {
    const correlationId = this.send(api, version, input);
    this.expect(correlationId, api as AnyApi, version, false, timeoutMs, done as Done<unknown>);
  }

  /**
   * Sends the frame that `make` returns, with its size in front. `done` gets the answer as a lent frame
   * without its size.
   */
  requestFrame(
    api: AnyApi,
    make: (correlationId: number) => readonly Uint8Array[],
    done: Done<Uint8Array>,
    timeoutMs: Millis = this.options.requestTimeoutMs,
  ): void {
    const correlationId = this.nextCorrelationId();
    this.stream.send(make(correlationId));
    this.expect(correlationId, api, 0, true, timeoutMs, done as Done<unknown>);
  }

  /** Sends a request and waits for no answer (acks=0). Returns its correlation id. */
  send<Request, Response, RequestInput, ResponseInput>(
    api: Api<Request, Response, RequestInput, ResponseInput>,
    version: number,
    input: RequestInput,
  ): number {
    const correlationId = this.nextCorrelationId();
    this.stream.send(encodeRequestFrame(api, version, correlationId, this.options.clientId, input));
    return correlationId;
  }

  /** Ends the connection; `closed` follows. */
  close(reason: string): void {
    if (this.isClosing) return;
    this.isClosing = true;
    this.cancelDeadlines();
    this.stream.destroy(reason);
  }

  /** Ends the connection without any further event. Calls no `done` of the requests in flight. */
  abandon(reason: string): void {
    this.isAbandoned = true;
    this.isOpen = false;
    this.close(reason);
    this.inFlight = [];
  }

  private nextCorrelationId(): number {
    assert(this.isOpen, 'requests leave on an open connection');
    const correlationId = this.correlationId;
    this.correlationId = (correlationId + 1) & 0x7fffffff;
    return correlationId;
  }

  private expect(
    correlationId: number,
    api: AnyApi,
    version: number,
    isRaw: boolean,
    timeoutMs: Millis,
    done: Done<unknown>,
  ): void {
    const deadline = this.options.timers.after(timeoutMs, this.late);
    this.inFlight.push({ correlationId, api, version, isRaw, timeoutMs, deadline, done });
  }

  private opened(): void {
    this.options.timers.cancel(this.connectDeadline);
    if (this.isClosing) return;
    this.isOpen = true;
    this.events.opened();
  }

  private received(chunk: Uint8Array): void {
    if (this.isClosing) return;
    try {
      this.frames.push(chunk);
      while (!this.isClosing) {
        const frame = this.frames.next();
        if (frame === undefined) break;
        this.take(frame);
        this.frames.release();
      }
      this.frames.keep();
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.events.malformed?.(error.message);
      this.close(error.message);
    }
  }

  private take(frame: Uint8Array): void {
    if (frame.length < CORRELATION_BYTES)
      throw new DecodeError(`an answer of ${frame.length} bytes has no correlation id`);
    const correlationId = (frame[0]! << 24) | (frame[1]! << 16) | (frame[2]! << 8) | frame[3]!;
    const oldest = this.inFlight[0];
    if (oldest?.correlationId !== correlationId) {
      this.events.misordered?.(correlationId);
      this.close(`the broker sent answer ${correlationId} out of order`);
      return;
    }
    // A request whose answer cannot be decoded is still in flight, and ends with the connection.
    const answer = oldest.isRaw ? frame : this.decode(oldest, frame);
    this.inFlight.shift();
    this.options.timers.cancel(oldest.deadline);
    oldest.done(answer);
  }

  private decode({ api, version }: InFlight, frame: Uint8Array): unknown {
    const { bodyPosition } = decodeResponseHeader(api, version, frame);
    const response = api.decodeResponse(version, frame, bodyPosition);
    this.events.answered?.(api, response);
    return response;
  }

  private closed(reason: string): void {
    this.isClosing = true;
    this.isOpen = false;
    this.closeReason = reason;
    this.cancelDeadlines();
    if (this.isAbandoned) return;
    const lost = this.inFlight;
    this.inFlight = [];
    for (const { done } of lost) done(undefined);
    this.events.closed(reason);
  }

  private cancelDeadlines(): void {
    const { timers } = this.options;
    timers.cancel(this.connectDeadline);
    for (const { deadline } of this.inFlight) timers.cancel(deadline);
  }
}
