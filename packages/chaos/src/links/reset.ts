import type { Socket } from 'node:net';

/** Resets a connection at once: bytes that wait are lost, and the other end gets ECONNRESET. */
export function reset(socket: Socket): void {
  // Node.js would wait for a socket that connects, and leave a socket open whose end waits behind unsent
  // bytes. So these close without a reset.
  const hasEndUnderWay = socket.writableEnded && !socket.writableFinished;
  if (socket.connecting || hasEndUnderWay) socket.destroy();
  else if (!socket.destroyed) socket.resetAndDestroy();
}
