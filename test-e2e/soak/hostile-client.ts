/**
 * Sends hand-made frames over bare connections, and reports how the broker reacts: the broker answers, closes
 * the connection, or stays silent.
 */
import { connect, type Socket } from 'node:net';
import { FrameReader } from '@millrace/protocol';

const ANSWER_BYTES_MAX = 256 << 20;

export type Taken = Uint8Array | 'closed' | 'no answer' | 'no connection';

/**
 * Sends the frame on a new connection. Resolves with the answer. If there is none, resolves with a word for
 * the broker's reaction.
 */
export function ask(port: number, frame: Uint8Array, limitMs: number): Promise<Taken> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const frames = new FrameReader(ANSWER_BYTES_MAX);
    let isConnected = false;
    const end = (taken: Taken) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(taken);
    };
    const timer = setTimeout(() => end(isConnected ? 'no answer' : 'no connection'), limitMs);
    socket.on('connect', () => {
      isConnected = true;
      socket.write(frame);
    });
    socket.on('data', (chunk) => {
      frames.push(chunk);
      const answer = frames.next();
      if (answer !== undefined) end(Uint8Array.from(answer));
    });
    socket.on('error', () => {});
    socket.on('close', () => end(isConnected ? 'closed' : 'no connection'));
  });
}

/**
 * Sends the bytes and closes the client's side of the connection at once. Resolves when the broker has closed
 * the other side, or after the limit.
 */
export function sendAndLeave(port: number, bytes: Uint8Array, limitMs: number): Promise<Taken> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    let isConnected = false;
    const end = (taken: Taken) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(taken);
    };
    const timer = setTimeout(() => end(isConnected ? 'no answer' : 'no connection'), limitMs);
    socket.on('connect', () => {
      isConnected = true;
      socket.end(bytes);
    });
    socket.on('data', () => {});
    socket.on('error', () => {});
    socket.on('close', () => end(isConnected ? 'closed' : 'no connection'));
  });
}

/** Sends the bytes and then stays silent. The caller destroys the socket. */
export function sendAndWait(port: number, bytes: Uint8Array): Promise<Socket | 'no connection'> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('error', () => resolve('no connection'));
    socket.once('connect', () => {
      socket.on('error', () => {});
      socket.on('data', () => {});
      socket.write(bytes);
      resolve(socket);
    });
  });
}
