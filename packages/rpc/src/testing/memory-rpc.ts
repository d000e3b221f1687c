/**
 * The Rpc seam in memory, for tests. A hub connects the endpoints of one process, and delivers messages by
 * the timers of a clock. Over a cut link, calls time out and streams deliver nothing. Calls to a port without
 * a server fail as `unavailable`.
 */

import type { RpcService, RpcStream, RpcStreamHandler } from '@millrace/base';
import {
  type Address,
  type Clock,
  type Listener,
  type Millis,
  type Rpc,
  type RpcChannel,
  RpcError,
} from '@millrace/base';

interface Served {
  readonly service: RpcService;
  readonly streams: Set<() => void>;
}

export class MemoryRpcHub {
  latencyMs: Millis = 1;
  private readonly served = new Map<number, Served>();
  private nextPort = 20_000;
  private readonly cuts = new Set<string>();
  private readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Returns the Rpc of one node. `cut` names a caller by this `name`, and a server by its port. */
  endpoint(name: string): Rpc {
    return {
      serve: (address, service, events) => this.serve(address, service, events),
      channel: (address) => this.channel(name, address),
    };
  }

  /** Stops all messages between endpoint `name` and the server at `port`, in both directions. */
  cut(name: string, port: number): void {
    this.cuts.add(`${name}>${port}`);
  }

  heal(): void {
    this.cuts.clear();
  }

  /** Simulates the death of the process that serves at `port`: streams close, calls fail as `unavailable`. */
  kill(port: number): void {
    const served = this.served.get(port);
    this.served.delete(port);
    for (const breakStream of [...(served?.streams ?? [])]) breakStream();
  }

  private serve(
    address: Address,
    service: RpcService,
    events: { listening(port: number): void; failed(error: Error): void },
  ): Listener {
    const port = address.port === 0 ? this.nextPort++ : address.port;
    if (this.served.has(port)) {
      this.clock.soon(() => events.failed(new Error(`port ${port} is in use`)));
      return { close: (done) => this.clock.soon(done) };
    }
    this.served.set(port, { service, streams: new Set() });
    this.clock.soon(() => events.listening(port));
    return {
      close: (done) => {
        this.kill(port);
        this.clock.soon(done);
      },
    };
  }

  private channel(name: string, address: Address): RpcChannel {
    const open = new Set<() => void>();
    const isCut = () => this.cuts.has(`${name}>${address.port}`);
    return {
      call: (method, body, timeoutMs, done) => {
        let finished = false;
        const finish = (answer: Uint8Array | RpcError) => {
          if (finished) return;
          finished = true;
          open.delete(abort);
          served?.streams.delete(abort);
          timer.cancel();
          done(answer);
        };
        const abort = () => finish(new RpcError('unavailable', 'connection lost'));
        const timer = this.clock.setTimer(timeoutMs, () =>
          finish(new RpcError('timeout', 'no answer in time')),
        );
        open.add(abort);
        const served = this.served.get(address.port);
        this.clock.setTimer(this.latencyMs, () => {
          if (finished || isCut()) return;
          if (served === undefined || this.served.get(address.port) !== served) return abort();
          served.streams.add(abort);
          const reply = (answer: Uint8Array | RpcError) => {
            this.clock.setTimer(this.latencyMs, () => {
              if (!isCut()) finish(answer);
            });
          };
          served.service.call(method, body, reply, { address: name, certifiedName: undefined });
        });
      },
      openStream: (method, handler) => this.openStream(name, address, method, handler, isCut, open),
      close: () => {
        for (const abort of [...open]) abort();
      },
    };
  }

  private openStream(
    name: string,
    address: Address,
    method: string,
    handler: RpcStreamHandler,
    isCut: () => boolean,
    open: Set<() => void>,
  ): RpcStream {
    const served = this.served.get(address.port);
    let closed = false;
    let far: RpcStreamHandler | undefined;
    const carry = (callback: () => void) => {
      this.clock.setTimer(this.latencyMs, () => {
        if (!isCut()) callback();
      });
    };
    const breakStream = (reason = 'connection lost') => {
      if (closed) return;
      closed = true;
      open.delete(shut);
      served?.streams.delete(shut);
      this.clock.soon(() => {
        handler.closed(reason);
        far?.closed(reason);
      });
    };
    const shut = () => breakStream();
    open.add(shut);
    served?.streams.add(shut);
    const side = (receive: (body: Uint8Array) => void): RpcStream => ({
      send: (body) => {
        if (!closed)
          carry(() => {
            if (!closed) receive(body);
          });
      },
      close: () => carry(() => breakStream('closed')),
    });
    carry(() => {
      if (closed) return;
      if (served === undefined || this.served.get(address.port) !== served) return breakStream('refused');
      far = served.service.stream(
        method,
        side((body) => handler.message(body)),
        { address: name, certifiedName: undefined },
      );
    });
    return side((body) => far?.message(body));
  }
}
