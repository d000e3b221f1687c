/**
 * A follower's connection to a leader. It carries one request of its owner at a time. It can also make the
 * leader answer a parked fetch early (`hurry`). Knows nothing about the requests. The owner decides when to
 * reconnect.
 */
import { assert } from '@millrace/base';
import { Connection, type ConnectionOptions } from '@millrace/client';
import { type Api, apis } from '@millrace/protocol';

export interface LeaderConnectionEvents {
  opened(): void;
  /**
   * Called once, unless the owner abandons the connection. Never called within a call of the owner. No
   * response follows.
   */
  closed(reason: string): void;
}

export class LeaderConnection {
  private readonly connection: Connection;
  private isAsked = false;
  /** True if `hurry` already sent a request after the one in flight. */
  private isHurried = false;

  constructor(options: ConnectionOptions, events: LeaderConnectionEvents) {
    this.connection = new Connection(options, events);
  }

  get isOpen(): boolean {
    return this.connection.isOpen;
  }

  /** True while a request of the owner waits for its response. */
  get isBusy(): boolean {
    return this.isAsked;
  }

  /** The bytes in the response are valid only until `answered` returns. */
  request<Request, Response, RequestInput, ResponseInput>(
    api: Api<Request, Response, RequestInput, ResponseInput>,
    version: number,
    input: RequestInput,
    answered: (response: Response) => void,
  ): void {
    assert(!this.isAsked, 'one request at a time');
    this.isAsked = true;
    this.isHurried = false;
    this.connection.request(api, version, input, (response) => {
      this.isAsked = false;
      if (response !== undefined) answered(response);
    });
  }

  /**
   * Makes the leader answer a parked request now, because the owner has more to ask. A leader answers a
   * parked follower fetch when another request arrives after it. So this method sends ApiVersions, the
   * smallest request, and ignores its response.
   */
  hurry(): void {
    if (!this.isOpen || !this.isAsked || this.isHurried) return;
    this.isHurried = true;
    this.connection.request(apis.apiVersions, 0, {}, ignore);
  }

  /** Closes the connection without any further event. */
  abandon(reason: string): void {
    this.isAsked = false;
    this.connection.abandon(reason);
  }
}

function ignore(): void {}
