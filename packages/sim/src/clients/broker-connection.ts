/**
 * One client connection to one broker: ApiVersions first, then requests, answered in order. A request that
 * times out ends the connection with all its other requests, whose outcome is then unknown.
 */
import type { Address, Millis, Stream, Timer } from '@millrace/base';
import {
  type Api,
  apis,
  DecodeError,
  decodeResponseHeader,
  encodeRequestFrame,
  FrameReader,
} from '@millrace/protocol';
import { countAnswerCodes } from './answer-codes.ts';
import type { ClientEnv } from './env.ts';

const FRAME_BYTES_MAX = 64 << 20;

interface InFlight {
  readonly correlationId: number;
  readonly sentMs: Millis;
  /** Undefined: the connection broke. */
  readonly done: (frame: Uint8Array | undefined) => void;
}

export class BrokerConnection {
  isReady = false;
  isClosed = false;
  private readonly env: ClientEnv;
  private readonly timeoutMs: Millis;
  private readonly stream: Stream;
  private readonly frames = new FrameReader(FRAME_BYTES_MAX);
  private readonly inFlight: InFlight[] = [];
  private correlationId = 0;
  private timer: Timer | undefined;
  private readonly onChange: (connection: BrokerConnection) => void;

  /** Calls `onChange` when it is ready, and when it is closed. */
  constructor(
    env: ClientEnv,
    address: Address,
    timeoutMs: Millis,
    onChange: (connection: BrokerConnection) => void,
  ) {
    this.env = env;
    this.timeoutMs = timeoutMs;
    this.onChange = onChange;
    this.stream = env.net.connect(address, {
      opened: () => this.opened(),
      data: (chunk) => this.received(chunk),
      drained: () => {},
      closed: () => this.closed(),
    });
  }

  get inFlightCount(): number {
    return this.inFlight.length;
  }

  /**
   * Calls `done` once, with the answer, or with undefined when the connection ends first. Bytes in the answer
   * are lent.
   */
  request<Request, Response, RequestInput, ResponseInput>(
    api: Api<Request, Response, RequestInput, ResponseInput>,
    version: number,
    input: RequestInput,
    done: (response: Response | undefined) => void,
  ): void {
    const correlationId = this.send(api, version, input);
    this.inFlight.push({
      correlationId,
      sentMs: this.env.life.clock.monotonicMs(),
      done: (frame) => {
        if (frame === undefined) done(undefined);
        else {
          const { bodyPosition } = decodeResponseHeader(api, version, frame);
          const response = api.decodeResponse(version, frame, bodyPosition);
          countAnswerCodes(this.env.world, api.name, response);
          done(response);
        }
      },
    });
    this.arm();
  }

  /** Sends a frame that no API encodes. Calls `done` with the frame of the answer, or with undefined. */
  requestFrame(
    make: (correlationId: number) => Uint8Array,
    done: (frame: Uint8Array | undefined) => void,
  ): void {
    const correlationId = this.correlationId++;
    this.stream.send([make(correlationId)]);
    this.inFlight.push({ correlationId, sentMs: this.env.life.clock.monotonicMs(), done });
    this.arm();
  }

  /** Sends a request without an answer (acks=0). */
  send<Request, Response, RequestInput, ResponseInput>(
    api: Api<Request, Response, RequestInput, ResponseInput>,
    version: number,
    input: RequestInput,
  ): number {
    const correlationId = this.correlationId++;
    this.stream.send(encodeRequestFrame(api, version, correlationId, this.env.name, input));
    return correlationId;
  }

  /** Sends bytes that are not a request. */
  sendRaw(bytes: Uint8Array): void {
    this.stream.send([bytes]);
  }

  close(): void {
    this.stream.destroy('closed by the client');
  }

  private opened(): void {
    const software = { clientSoftwareName: 'sim', clientSoftwareVersion: '1' };
    this.request(apis.apiVersions, 3, software, (response) => {
      if (response === undefined) return;
      this.isReady = true;
      this.onChange(this);
    });
  }

  private received(chunk: Uint8Array): void {
    try {
      this.frames.push(chunk);
      for (let frame = this.frames.next(); frame !== undefined; frame = this.frames.next()) {
        const first = this.inFlight.shift();
        if (frame.length < 4)
          throw new DecodeError(`an answer of ${frame.length} bytes has no correlation id`);
        const correlationId = new DataView(frame.buffer, frame.byteOffset, 4).getInt32(0);
        if (first?.correlationId !== correlationId)
          this.env.world.fail(
            'answers-in-order',
            `${this.env.name} got answer ${correlationId} out of order`,
          );
        first.done(frame);
      }
      this.frames.keep();
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.env.world.fail('answers-are-well-formed', `${this.env.name}: ${error.message}`);
    }
  }

  private closed(): void {
    this.isClosed = true;
    this.isReady = false;
    this.timer?.cancel();
    const lost = this.inFlight.splice(0);
    for (const { done } of lost) done(undefined);
    this.onChange(this);
  }

  private arm(): void {
    if (this.timer !== undefined || this.isClosed) return;
    const oldest = this.inFlight[0];
    if (oldest === undefined) return;
    const { clock } = this.env.life;
    const leftMs = Math.max(0, oldest.sentMs + this.timeoutMs - clock.monotonicMs());
    this.timer = clock.setTimer(leftMs, () => {
      this.timer = undefined;
      const late = this.inFlight[0];
      if (late !== undefined && clock.monotonicMs() - late.sentMs >= this.timeoutMs)
        this.stream.destroy('request time-out');
      else this.arm();
    });
  }
}
