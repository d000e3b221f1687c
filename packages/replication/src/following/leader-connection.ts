/**
 * One connection to a leader, with one request of the owner at a time: frames out, frames in, timeouts.
 * Carries requests without knowing their meaning. The owner decides when to reconnect.
 */
import { type Address, assert, type Deadline, type Millis, type Net, type Stream } from '@millrace/base';
import {
  type Api,
  apis,
  DecodeError,
  decodeResponseHeader,
  encodeRequestFrame,
  FrameReader,
  type SpareBuffers,
} from '@millrace/protocol';
import type { DueCallback, Timers } from '../timers.ts';

export interface ConnectionEvents {
  opened(): void;
  /** Called once, and never within a call of the owner. No response follows. */
  closed(reason: string): void;
}

interface InFlight {
  readonly answered: (frame: Uint8Array) => void;
  readonly deadline: Deadline<DueCallback>;
}

export class LeaderConnection {
  isOpen = false;
  private readonly stream: Stream;
  private readonly frames: FrameReader;
  private readonly timers: Timers;
  private readonly clientId: string;
  private readonly timeoutMs: Millis;
  private readonly connectDeadline: Deadline<DueCallback>;
  /** In the order of sending. The leader answers in this order. */
  private inFlight: InFlight[] = [];
  private correlationId = 0;
  private isAsked = false;
  /** `hurry` already sent a request after the one in flight. */
  private isHurried = false;
  /** The owner abandoned the connection, or it closed. No event follows. */
  private isAbandoned = false;

  constructor(
    options: {
      readonly net: Net;
      readonly address: Address;
      readonly timers: Timers;
      readonly clientId: string;
      readonly timeoutMs: Millis;
      readonly connectTimeoutMs: Millis;
      readonly frameBytesMax: number;
      /** The buffers for assembling responses. */
      readonly spares: SpareBuffers;
    },
    events: ConnectionEvents,
  ) {
    this.timers = options.timers;
    this.clientId = options.clientId;
    this.timeoutMs = options.timeoutMs;
    this.frames = new FrameReader(options.frameBytesMax, options.spares);
    this.connectDeadline = this.timers.after(options.connectTimeoutMs, () =>
      this.stream.destroy('connecting took too long'),
    );
    this.stream = options.net.connect(options.address, {
      opened: () => {
        this.timers.cancel(this.connectDeadline);
        if (this.isAbandoned) return;
        this.isOpen = true;
        events.opened();
      },
      data: (chunk) => this.received(chunk),
      drained: () => {},
      closed: (reason) => {
        this.stop();
        if (this.isAbandoned) return;
        this.isAbandoned = true;
        events.closed(reason);
      },
    });
  }

  /** A request of the owner waits for its response. */
  get isBusy(): boolean {
    return this.isAsked;
  }

  /** Bytes in the response are lent: they are valid only until `answered` returns. */
  request<Request, Response, RequestInput, ResponseInput>(
    api: Api<Request, Response, RequestInput, ResponseInput>,
    version: number,
    input: RequestInput,
    answered: (response: Response) => void,
  ): void {
    assert(this.isOpen && !this.isAsked, 'one request at a time, on an open connection');
    this.isAsked = true;
    this.isHurried = false;
    this.send(api, version, input, (response) => {
      this.isAsked = false;
      answered(response);
    });
  }

  /**
   * The owner has more to ask, but the leader may have parked the request in flight. A leader answers a
   * parked follower fetch when another request arrives after it. So this sends ApiVersions, the smallest
   * request, and ignores its response.
   */
  hurry(): void {
    if (!this.isOpen || !this.isAsked || this.isHurried) return;
    this.isHurried = true;
    this.send(apis.apiVersions, 0, {}, () => {});
  }

  private send<Request, Response, RequestInput, ResponseInput>(
    api: Api<Request, Response, RequestInput, ResponseInput>,
    version: number,
    input: RequestInput,
    answered: (response: Response) => void,
  ): void {
    const correlationId = this.correlationId;
    this.correlationId = (correlationId + 1) & 0x7fffffff;
    this.inFlight.push({
      deadline: this.timers.after(this.timeoutMs, () => this.stream.destroy('no answer in time')),
      answered: (frame) => {
        const header = decodeResponseHeader(api, version, frame);
        if (header.correlationId !== correlationId) throw new DecodeError('answer to another request');
        answered(api.decodeResponse(version, frame, header.bodyPosition));
      },
    });
    this.stream.send(encodeRequestFrame(api, version, correlationId, this.clientId, input));
  }

  /** Closes the connection without any further event. */
  abandon(reason: string): void {
    if (this.isAbandoned) return;
    this.isAbandoned = true;
    this.stop();
    this.stream.destroy(reason);
  }

  private stop(): void {
    this.isOpen = false;
    this.timers.cancel(this.connectDeadline);
    for (const { deadline } of this.inFlight) this.timers.cancel(deadline);
    this.inFlight = [];
    this.isAsked = false;
  }

  private received(chunk: Uint8Array): void {
    if (this.isAbandoned) return;
    try {
      this.frames.push(chunk);
      while (!this.isAbandoned) {
        const frame = this.frames.next();
        if (frame === undefined) break;
        const oldest = this.inFlight.shift();
        if (oldest === undefined) throw new DecodeError('an unexpected response');
        this.timers.cancel(oldest.deadline);
        oldest.answered(frame);
        this.frames.release();
      }
      this.frames.keep();
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.stream.destroy(error.message);
    }
  }
}
