/**
 * Connections that come before the broker serves: not read, handed on when it does. A client that was told of
 * this broker by the others a moment too early waits that moment, and one that comes while the broker cannot
 * serve sees a silent server, never one that answers from an empty image.
 */
import type { Stream, StreamHandler } from '@millrace/base';

const HELD_MAX = 1024;

export class HeldConnections {
  /** Hands a connection to whoever serves it; undefined until `serve`. */
  private accept: ((listenerName: string, stream: Stream) => StreamHandler) | undefined;
  private readonly held = new Set<HeldConnection>();

  connection(listenerName: string, stream: Stream): StreamHandler {
    if (this.accept !== undefined) return this.accept(listenerName, stream);
    const connection = new HeldConnection(listenerName, stream, this.held);
    if (this.held.size >= HELD_MAX) stream.destroy('too many connections wait for this broker to serve');
    else {
      stream.pause();
      this.held.add(connection);
    }
    return connection;
  }

  serve(accept: (listenerName: string, stream: Stream) => StreamHandler): void {
    this.accept = accept;
    for (const connection of this.held) connection.handOn(accept);
    this.held.clear();
  }

  close(): void {
    for (const connection of [...this.held]) connection.stream.destroy('the broker is stopping');
  }
}

class HeldConnection implements StreamHandler {
  readonly stream: Stream;
  private readonly listenerName: string;
  private readonly held: Set<HeldConnection>;
  private target: StreamHandler | undefined;

  constructor(listenerName: string, stream: Stream, held: Set<HeldConnection>) {
    this.listenerName = listenerName;
    this.stream = stream;
    this.held = held;
  }

  handOn(accept: (listenerName: string, stream: Stream) => StreamHandler): void {
    this.target = accept(this.listenerName, this.stream);
    this.stream.resume();
  }

  data(chunk: Uint8Array): void {
    this.target?.data(chunk);
  }

  drained(): void {
    this.target?.drained();
  }

  closed(reason: string): void {
    this.held.delete(this);
    this.target?.closed(reason);
  }
}
