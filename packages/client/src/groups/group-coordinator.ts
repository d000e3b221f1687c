/**
 * Finds the coordinator of one group: asks any broker (FindCoordinator), and keeps a connection to the
 * coordinator. The connection is not the one for fetching: a parked JoinGroup, or a Fetch that waits for
 * records, delays every later answer of its connection. Asks again when the connection to the coordinator
 * ends, and when an answer says that the group has moved.
 */
import type { Address, Clock, Millis, Timer } from '@millrace/base';
import {
  apis,
  CoordinatorType,
  ErrorCode,
  errorName,
  type FindCoordinatorResponse,
} from '@millrace/protocol';
import { BrokerConnections, type OpenConnection } from '../cluster/broker-connections.ts';
import type { ClusterView } from '../cluster/cluster-view.ts';
import type { BrokerConnection } from '../connection/broker-connection.ts';
import { groupOutcome } from './group-errors.ts';

export interface GroupCoordinatorOptions {
  readonly clock: Clock;
  readonly groupId: string;
  readonly cluster: Pick<ClusterView, 'anyConnection'>;
  readonly open: OpenConnection;
  /** The wait before the next FindCoordinator or connection. Default 100. */
  readonly backoffMs?: Millis;
  /** Called with the error code of each answer to FindCoordinator. */
  readonly answered?: (code: number) => void;
}

const BACKOFF_MS = 100;
/** The first version of FindCoordinator with a list of keys. */
const MANY_KEYS_FROM_VERSION = 4;

export class GroupCoordinator {
  readonly backoffMs: Millis;
  /** Why this object no longer looks for the coordinator, for example GROUP_AUTHORIZATION_FAILED. */
  failure: string | undefined;
  private readonly options: GroupCoordinatorOptions;
  private readonly connections: BrokerConnections;
  private readonly waiting: (() => void)[] = [];
  private address: Address | undefined;
  private isAsking = false;
  private isClosed = false;
  private timer: Timer | undefined;

  constructor(options: GroupCoordinatorOptions) {
    const { clock, open } = options;
    this.options = options;
    this.backoffMs = options.backoffMs ?? BACKOFF_MS;
    this.connections = new BrokerConnections({
      clock,
      open,
      backoffMs: this.backoffMs,
      changed: ({ isClosed }) => {
        if (isClosed) this.moved();
        this.wake();
      },
    });
  }

  /**
   * A ready connection to the coordinator. Undefined: this object looks for the coordinator or connects to it
   * (see `whenChanged`), `failure` is set, or this object is closed.
   */
  connection(): BrokerConnection | undefined {
    if (this.isClosed || this.failure !== undefined) return undefined;
    if (this.address === undefined) {
      this.ask();
      return undefined;
    }
    const connection = this.connections.to(this.address);
    if (connection === undefined) this.wakeIn(this.backoffMs);
    return connection;
  }

  /** Calls back once, when `connection` or `failure` may have changed. Never after `close`. */
  whenChanged(callback: () => void): void {
    this.waiting.push(callback);
  }

  /** Another broker may coordinate the group, so the next call of `connection` asks which one. */
  moved(): void {
    this.address = undefined;
  }

  close(): void {
    this.isClosed = true;
    this.waiting.length = 0;
    this.timer?.cancel();
    this.connections.close();
  }

  private ask(): void {
    if (this.isAsking) return;
    const connection = this.options.cluster.anyConnection();
    const version = connection?.versions?.newest(apis.findCoordinator);
    if (connection === undefined) {
      this.wakeIn(this.backoffMs);
      return;
    }
    if (version === undefined) {
      this.failure = errorName(ErrorCode.UNSUPPORTED_VERSION);
      this.wakeIn(0);
      return;
    }
    const { groupId } = this.options;
    const request = { key: groupId, keyType: CoordinatorType.GROUP, coordinatorKeys: [groupId] };
    this.isAsking = true;
    connection.request(apis.findCoordinator, version, request, (response) => {
      if (this.isClosed) return;
      this.isAsking = false;
      this.take(response, version);
    });
  }

  private take(response: FindCoordinatorResponse | undefined, version: number): void {
    const found = version >= MANY_KEYS_FROM_VERSION ? response?.coordinators[0] : response;
    const code = found?.errorCode ?? ErrorCode.COORDINATOR_NOT_AVAILABLE;
    if (found !== undefined) this.options.answered?.(code);
    if (found !== undefined && code === ErrorCode.NONE) {
      this.address = { host: found.host, port: found.port };
      this.connections.to(this.address);
      this.wake();
      return;
    }
    if (groupOutcome(code) === 'fatal') this.failure = errorName(code);
    this.wakeIn(this.failure === undefined ? this.backoffMs : 0);
  }

  private wakeIn(delayMs: Millis): void {
    this.timer?.cancel();
    this.timer = this.options.clock.setTimer(delayMs, () => this.wake());
  }

  private wake(): void {
    if (this.isClosed) return;
    for (const callback of this.waiting.splice(0)) callback();
  }
}
