/**
 * A connection that is ready once the broker has answered ApiVersions. A client opens one to each broker that
 * it needs.
 */
import type { Millis } from '@millrace/base';
import { type AnyApi, type Api, errorName } from '@millrace/protocol';
import { Connection, type ConnectionEvents, type ConnectionOptions } from './connection.ts';
import { askVersions, type BrokerVersions, type VersionsAsked } from './versions.ts';

export interface BrokerConnectionOptions extends ConnectionOptions, VersionsAsked {}

export interface BrokerConnectionEvents
  extends Pick<ConnectionEvents, 'answered' | 'misordered' | 'malformed'> {
  /** Called once when the connection is ready, and once when it is closed. */
  changed(connection: BrokerConnection): void;
}

export class BrokerConnection {
  /** The versions that the broker supports; undefined until the connection is ready. */
  versions: BrokerVersions | undefined;
  private readonly connection: Connection;

  constructor(options: BrokerConnectionOptions, events: BrokerConnectionEvents) {
    this.connection = new Connection(options, {
      ...events,
      opened: () =>
        askVersions(this.connection, options, (answer) => {
          if (typeof answer === 'number') {
            this.connection.close(`ApiVersions was answered ${errorName(answer)}`);
            return;
          }
          this.versions = answer;
          events.changed(this);
        }),
      closed: () => events.changed(this),
    });
  }

  get isReady(): boolean {
    return this.versions !== undefined && this.connection.isOpen;
  }

  get isClosed(): boolean {
    return this.connection.closeReason !== undefined;
  }

  get closeReason(): string | undefined {
    return this.connection.closeReason;
  }

  /** Like `timeoutCovering` of Connection. */
  timeoutCovering(brokerMs: Millis): Millis {
    return this.connection.timeoutCovering(brokerMs);
  }

  /** Like `request` of Connection. The connection must be ready. */
  request<Request, Response, RequestInput, ResponseInput>(
    api: Api<Request, Response, RequestInput, ResponseInput>,
    version: number,
    input: RequestInput,
    done: (response: Response | undefined) => void,
    timeoutMs?: Millis,
  ): void {
    this.connection.request(api, version, input, done, timeoutMs);
  }

  requestFrame(
    api: AnyApi,
    make: (correlationId: number) => readonly Uint8Array[],
    done: (frame: Uint8Array | undefined) => void,
    timeoutMs?: Millis,
  ): void {
    this.connection.requestFrame(api, make, done, timeoutMs);
  }

  send<Request, Response, RequestInput, ResponseInput>(
    api: Api<Request, Response, RequestInput, ResponseInput>,
    version: number,
    input: RequestInput,
  ): void {
    this.connection.send(api, version, input);
  }

  /** Closes the connection; `changed` follows. */
  close(reason = 'closed by the client'): void {
    this.connection.close(reason);
  }
}
