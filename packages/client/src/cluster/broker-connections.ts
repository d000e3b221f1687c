/**
 * A client's connections, at most one to each address. Opens a connection when the client needs one. After a
 * connection closes, `backoffMs` passes before the next one to the same address.
 */
import type { Address, Clock, Millis } from '@millrace/base';
import type { BrokerConnection } from '../connection/broker-connection.ts';

/** Opens a connection that calls `changed` when it is ready, and when it is closed. */
export type OpenConnection = (
  address: Address,
  changed: (connection: BrokerConnection) => void,
) => BrokerConnection;

export interface BrokerConnectionsPorts {
  readonly clock: Clock;
  /** The client opens no new connection to an address for this long after the last one closed. */
  readonly backoffMs: Millis;
  readonly open: OpenConnection;
  /** Called when a connection is ready, and when it is closed. */
  changed(connection: BrokerConnection): void;
}

export class BrokerConnections {
  private readonly ports: BrokerConnectionsPorts;
  private readonly open = new Map<string, BrokerConnection>();
  private readonly notBeforeMs = new Map<string, Millis>();
  private isClosed = false;

  constructor(ports: BrokerConnectionsPorts) {
    this.ports = ports;
  }

  /**
   * A ready connection. If there is no connection, opens one. Undefined: the connection is opening (`changed`
   * follows), it closed less than a backoff ago, or this client is closed.
   */
  to(address: Address): BrokerConnection | undefined {
    if (this.isClosed) return undefined;
    const name = `${address.host}:${address.port}`;
    const known = this.open.get(name);
    if (known !== undefined) return known.isReady ? known : undefined;
    const { clock, backoffMs, open, changed } = this.ports;
    if (clock.monotonicMs() < (this.notBeforeMs.get(name) ?? 0)) return undefined;
    const opening = open(address, (connection) => {
      if (connection.isClosed) {
        this.open.delete(name);
        this.notBeforeMs.set(name, clock.monotonicMs() + backoffMs);
      }
      changed(connection);
    });
    this.open.set(name, opening);
    return undefined;
  }

  /** The oldest ready connection. */
  ready(): BrokerConnection | undefined {
    if (this.isClosed) return undefined;
    for (const connection of this.open.values()) if (connection.isReady) return connection;
    return undefined;
  }

  /** Closes every connection, and opens no more. */
  close(): void {
    this.isClosed = true;
    for (const connection of this.open.values()) connection.close();
  }
}
