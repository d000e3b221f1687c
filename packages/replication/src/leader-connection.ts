/**
 * One connection to a leader, one request at a time: frames out, frames in, time-outs. Knows how to carry a request, not
 * what it means. Reconnecting is the owner's decision.
 */
import { type Address, assert, type Deadline, type Millis, type Net, type Stream } from '@millrace/base';
import {
  type Api,
  DecodeError,
  decodeResponseHeader,
  encodeRequestFrame,
  FrameReader,
  type SpareBuffers,
} from '@millrace/protocol';
import type { DueCallback, Timers } from './timers.ts';

export interface ConnectionEvents {
  opened(): void;
  /** Once, and never from within a call of the owner's. No answer follows. */
  closed(reason: string): void;
}

interface InFlight {
  readonly correlationId: number;
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
  private inFlight: InFlight | undefined;
  private correlationId = 0;
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

  get isBusy(): boolean {
    return this.inFlight !== undefined;
  }

  /** Bytes in the response are lent: valid while `answered` is called. */
  request<Request, Response, RequestInput, ResponseInput>(
    api: Api<Request, Response, RequestInput, ResponseInput>,
    version: number,
    input: RequestInput,
    answered: (response: Response) => void,
  ): void {
    assert(this.isOpen && this.inFlight === undefined, 'one request at a time, on an open connection');
    const correlationId = this.correlationId;
    this.correlationId = (correlationId + 1) & 0x7fffffff;
    this.inFlight = {
      correlationId,
      deadline: this.timers.after(this.timeoutMs, () => this.stream.destroy('no answer in time')),
      answered: (frame) => {
        const header = decodeResponseHeader(api, version, frame);
        if (header.correlationId !== correlationId) throw new DecodeError('answer to another request');
        const response = api.decodeResponse(version, frame, header.bodyPosition);
        this.timers.cancel(this.inFlight?.deadline);
        this.inFlight = undefined;
        answered(response);
      },
    };
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
    this.timers.cancel(this.inFlight?.deadline);
    this.inFlight = undefined;
  }

  private received(chunk: Uint8Array): void {
    if (this.isAbandoned) return;
    try {
      this.frames.push(chunk);
      while (!this.isAbandoned) {
        const frame = this.frames.next();
        if (frame === undefined) break;
        if (this.inFlight === undefined) throw new DecodeError('an answer that nobody asked for');
        this.inFlight.answered(frame);
        this.frames.release();
      }
      this.frames.keep();
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.stream.destroy(error.message);
    }
  }
}
