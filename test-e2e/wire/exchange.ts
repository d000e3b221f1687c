/**
 * Sends one case to one of the two clusters (a side), and returns the outcome. After each case it sends a
 * sentinel, a request that every broker answers. If the answer to the sentinel comes first, the case gets no
 * answer, because a broker answers in order. So the comparison need not wait for a timeout.
 */
import { connect, type Socket } from 'node:net';
import { type AnyApi, apis, decodeResponseHeader, encodeRequestFrame, FrameReader } from '@millrace/protocol';
import { CORRELATION_ID, type WireCase } from './frames.ts';
import type { Values } from './stage.ts';

export type Outcome =
  | { readonly kind: 'answer'; readonly value: unknown }
  /** The broker closed the connection. */
  | { readonly kind: 'closed' }
  /** The broker answered the sentinel, but not the case. */
  | { readonly kind: 'no answer' }
  /** The broker neither answered nor closed the connection in time. */
  | { readonly kind: 'silence' }
  /** An answer that its schema cannot decode. */
  | { readonly kind: 'undecodable'; readonly why: string };

const ANSWER_LIMIT_MS = 5000;
const ANSWER_BYTES_MAX = 64 << 20;
const SENTINEL_ID = 0x7654321;
const sentinel = Buffer.concat(encodeRequestFrame(apis.apiVersions, 0, SENTINEL_ID, 'compare-wire', {}));

export class Side {
  readonly #host: string;
  readonly #port: number;
  #socket: Socket | undefined;

  constructor(server: string) {
    const colon = server.lastIndexOf(':');
    this.#host = server.slice(0, colon);
    this.#port = Number(server.slice(colon + 1));
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  async send(wireCase: WireCase, values: Values): Promise<Outcome> {
    this.#socket ??= connect({ host: this.#host, port: this.#port, noDelay: true });
    const frames = await exchange(this.#socket, wireCase.frame(values));
    if (typeof frames === 'string') {
      this.close();
      return { kind: frames };
    }
    return outcomeOf(wireCase, frames);
  }
}

/** The frames that came before the answer to the sentinel, or why that answer did not come. */
function exchange(socket: Socket, frame: Buffer): Promise<Uint8Array[] | 'closed' | 'silence'> {
  return new Promise((resolve) => {
    const reader = new FrameReader(ANSWER_BYTES_MAX);
    const frames: Uint8Array[] = [];
    const finish = (result: Uint8Array[] | 'closed' | 'silence') => {
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on('error', () => {});
      resolve(result);
    };
    const timer = setTimeout(() => finish('silence'), ANSWER_LIMIT_MS);
    socket.on('error', () => finish('closed'));
    socket.on('close', () => finish('closed'));
    socket.on('data', (chunk) => {
      reader.push(chunk);
      for (let next = reader.next(); next !== undefined; next = reader.next()) {
        if (Buffer.from(next).readInt32BE(0) === SENTINEL_ID) return finish(frames);
        frames.push(next.slice());
      }
    });
    socket.write(Buffer.concat([frame, sentinel]));
  });
}

function outcomeOf({ api, answerVersion }: WireCase, frames: readonly Uint8Array[]): Outcome {
  const [frame] = frames;
  if (frame === undefined) return { kind: 'no answer' };
  if (frames.length > 1) return { kind: 'undecodable', why: `${frames.length} answers` };
  try {
    const { correlationId, bodyPosition } = decodeResponseHeader(api as AnyApi, answerVersion, frame);
    if (correlationId !== CORRELATION_ID)
      return { kind: 'undecodable', why: `correlation id ${correlationId}` };
    return { kind: 'answer', value: api.decodeResponse(answerVersion, frame, bodyPosition) };
  } catch (error) {
    return { kind: 'undecodable', why: (error as Error).message };
  }
}
