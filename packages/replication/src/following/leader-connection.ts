/**
 * One connection to a leader, one request of the owner's at a time: frames out, frames in, time-outs. Knows
 * how to carry a request, not what it means. Reconnecting is the owner's decision.
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
  /** Once, and never from within a call of the owner's. No answer follows. */
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
  /** In the order in which they were sent: the leader answers in it. */
  private inFlight: InFlight[] = [];
  private correlationId = 0;
  private isAsked = false;
  /** The leader was told that more waits behind the request in flight. */
  private isHurried = false;
  /** The owner has let go of it: no event any more. */
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
      /** Where answers are put together. */
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

  /** A request of the owner's awaits its answer. */
  get isBusy(): boolean {
    return this.isAsked;
  }

  /** Bytes in the response are lent: valid while `answered` is called. */
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
   * The owner has more to ask than its request in flight, which the leader may have parked: a leader ends a
   * follower's fetch when another request comes behind it. That other one is ApiVersions, the smallest; its
   * answer says nothing new.
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

  /** Closes it without any further event. */
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
        if (oldest === undefined) throw new DecodeError('an answer that nobody asked for');
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
