/**
 * Holds connections that arrive before the broker serves, without reading them. Hands them to the front end
 * when the broker serves. A client may learn of this broker from another broker before this broker can serve.
 * An answer would then come from an empty image, so the client's requests wait.
 */
import type { Stream, StreamHandler } from '@millrace/base';

const HELD_MAX = 1024;

export class HeldConnections {
  /** Hands a connection to the front end; undefined until `serve`. */
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
