/**
 * One connection of the load generator to a broker. Many members share a lane, and send requests without
 * waiting for earlier answers. A lane passes answers to callbacks. It can send a frame that was encoded
 * earlier, so that a heartbeat costs the load generator almost no CPU time.
 */
import type { Stream } from '@millrace/base';
import { NodeNet } from '@millrace/base/io';
import {
  type AnyApi,
  type Api,
  decodeResponseHeader,
  encodeRequestFrame,
  FrameReader,
  joinedChunks,
} from '@millrace/protocol';

export const CLIENT_ID = 'bench-groups';
/** Where a request frame has its correlation id: after the size, the API key and the version. */
const CORRELATION_ID_AT = 8;
const ANSWER_BYTES_MAX = 64 << 20;
/** A lane closes if a request waits this long for its answer. Any rebalance of the benchmark is shorter. */
const SILENCE_LIMIT_MS = 120_000;
const CHECK_MS = 1000;

/**
 * A callback that gets the answer without its size field. The bytes are valid until the callback returns.
 * Undefined: the lane broke.
 */
type FrameDone = (frame: Uint8Array | undefined) => void;

interface Waiting {
  readonly correlationId: number;
  readonly sentMs: number;
  readonly done: FrameDone;
}

const sockets = new NodeNet();

/** A whole request as bytes, for `Lane.sendFrame`. */
export function encodedFrame<Request, Response, RequestInput, ResponseInput>(
  api: Api<Request, Response, RequestInput, ResponseInput>,
  version: number,
  body: RequestInput,
): Uint8Array {
  return joinedChunks(encodeRequestFrame(api, version, 0, CLIENT_ID, body));
}

export class Lane {
  readonly #stream: Stream;
  readonly #frames = new FrameReader(ANSWER_BYTES_MAX);
  readonly #watch: NodeJS.Timeout;
  #isOpen = false;
  #isClosed = false;
  #unsent: Uint8Array[] = [];
  #flushes = false;
  #waiting: Waiting[] = [];
  #first = 0;
  #nextCorrelationId = 0;

  constructor(address: { host: string; port: number }) {
    this.#stream = sockets.connect(address, {
      opened: () => {
        this.#isOpen = true;
        this.#flush();
      },
      data: (chunk) => this.#received(chunk),
      drained: () => {},
      closed: () => this.#closed(),
    });
    this.#watch = setInterval(() => this.#checkSilence(), CHECK_MS);
    this.#watch.unref();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Sends a request. `done` gets the answer, or undefined if the lane breaks. Byte fields of the answer are
   * valid until `done` returns.
   */
  request<Request, Response, RequestInput, ResponseInput>(
    api: Api<Request, Response, RequestInput, ResponseInput>,
    version: number,
    body: RequestInput,
    done: (response: Response | undefined) => void,
  ): void {
    this.sendFrame(encodedFrame(api, version, body), (frame) => {
      if (frame === undefined) return done(undefined);
      const { bodyPosition } = decodeResponseHeader(api as AnyApi, version, frame);
      done(api.decodeResponse(version, frame, bodyPosition));
    });
  }

  /** Sends a copy of the frame, with the lane's next correlation id. */
  sendFrame(frame: Uint8Array, done: FrameDone): void {
    if (this.#isClosed) {
      queueMicrotask(() => done(undefined));
      return;
    }
    const correlationId = this.#nextCorrelationId;
    this.#nextCorrelationId = (correlationId + 1) & 0x7fffffff;
    const copy = Buffer.from(frame);
    copy.writeInt32BE(correlationId, CORRELATION_ID_AT);
    this.#unsent.push(copy);
    this.#waiting.push({ correlationId, sentMs: performance.now(), done });
    if (!this.#flushes && this.#isOpen) {
      this.#flushes = true;
      queueMicrotask(() => this.#flush());
    }
  }

  close(): void {
    this.#stream.destroy('closed by the benchmark');
  }

  #flush(): void {
    this.#flushes = false;
    const chunks = this.#unsent;
    if (chunks.length === 0 || this.#isClosed) return;
    this.#unsent = [];
    this.#stream.send([chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)]);
  }

  #received(chunk: Uint8Array): void {
    this.#frames.push(chunk);
    for (let frame = this.#frames.next(); frame !== undefined; frame = this.#frames.next()) {
      const waiting = this.#waiting[this.#first++];
      const correlationId = (frame[0]! << 24) | (frame[1]! << 16) | (frame[2]! << 8) | frame[3]!;
      if (waiting?.correlationId !== correlationId) throw new Error('a broker answered out of order');
      if (this.#first > 64 && this.#first * 2 > this.#waiting.length) {
        this.#waiting = this.#waiting.slice(this.#first);
        this.#first = 0;
      }
      waiting.done(frame);
    }
    this.#frames.keep();
  }

  #closed(): void {
    this.#isClosed = true;
    clearInterval(this.#watch);
    const lost = this.#waiting.slice(this.#first);
    this.#waiting = [];
    this.#first = 0;
    for (const { done } of lost) done(undefined);
  }

  #checkSilence(): void {
    const oldest = this.#waiting[this.#first];
    if (oldest !== undefined && performance.now() - oldest.sentMs > SILENCE_LIMIT_MS) this.close();
  }
}
