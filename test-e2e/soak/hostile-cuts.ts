/**
 * Hostile clients that send requests of several APIs, cut after each byte. The size in the frame is that of
 * the whole request, or that of the remaining part.
 */
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Compression } from '@millrace/protocol';
import { batchAround, record } from './hostile-batches.ts';
import { ask, sendAndLeave, sendAndWait, type Taken } from './hostile-client.ts';
import type { HostileKind } from './hostile-kinds.ts';
import { sampleFrames } from './hostile-requests.ts';
import type { Leaders } from './hostile-topics.ts';

const LIMIT_MS = 20_000;
const AT_ONCE = 50;
const SIZE_BYTES = 4;

export function cuts(leaders: Leaders, silenceMs: number): HostileKind[] {
  const frames = [...sampleFrames(leaders('batches', 0).topic, sampleBatch()).values()];
  const piecesOf = (n: number) => {
    const frame = frames[n % frames.length]!;
    return Array.from({ length: frame.length - 1 }, (_, i) => frame.subarray(0, i + 1));
  };
  const kind = (
    name: string,
    rightWords: readonly string[],
    send: (port: number, pieces: Buffer[]) => Promise<string[]>,
  ): HostileKind => ({
    name: `requests cut at every byte, ${name}`,
    variants: frames.length,
    throwOnce: async (n) => await send(leaders('batches', n).port, piecesOf(n)),
    isRight: (taken) => rightWords.includes(taken),
  });
  return [
    kind('then closed', ['closed'], async (port, pieces) => {
      return await inTurns(pieces, async (piece) => await sendAndLeave(port, piece, LIMIT_MS));
    }),
    kind('with the size of what is left', ['closed', 'answered'], async (port, pieces) => {
      const fitted = pieces.filter(({ length }) => length > SIZE_BYTES).map(withItsOwnSize);
      return await inTurns(fitted, async (piece) => await ask(port, piece, LIMIT_MS));
    }),
    kind('then silence', ['waited for'], async (port, pieces) => await staySilent(port, pieces, silenceMs)),
  ];
}

function sampleBatch(): Buffer {
  return batchAround(record(0), { codec: Compression.NONE, records: 1 });
}

function withItsOwnSize(piece: Buffer): Buffer {
  const copy = Buffer.from(piece);
  copy.writeInt32BE(copy.length - SIZE_BYTES, 0);
  return copy;
}

async function inTurns(
  pieces: readonly Buffer[],
  send: (piece: Buffer) => Promise<Taken>,
): Promise<string[]> {
  const words: string[] = [];
  for (let at = 0; at < pieces.length; at += AT_ONCE) {
    const taken = await Promise.all(pieces.slice(at, at + AT_ONCE).map(send));
    words.push(...taken.map((one) => (typeof one === 'string' ? one : 'answered')));
  }
  return words;
}

async function staySilent(port: number, pieces: readonly Buffer[], silenceMs: number): Promise<string[]> {
  const sockets = await Promise.all(pieces.map((piece) => sendAndWait(port, piece)));
  await sleep(silenceMs);
  const words = sockets.map((socket) => (isOpen(socket) ? 'waited for' : 'closed'));
  for (const socket of sockets) if (typeof socket !== 'string') socket.destroy();
  return words;
}

function isOpen(socket: Socket | 'no connection'): boolean {
  return typeof socket !== 'string' && socket.readyState === 'open';
}
