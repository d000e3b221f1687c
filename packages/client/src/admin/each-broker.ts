/**
 * Sends the same request to every live broker, because each broker knows only its own part of the answer.
 * Repeats the request to a broker until that broker answers, or until the time is over.
 */
import type { Clock, Millis, NodeId } from '@millrace/base';
import { apis, ErrorCode, errorName } from '@millrace/protocol';
import type { ClusterView } from '../cluster/cluster-view.ts';
import type { BrokerConnection } from '../connection/broker-connection.ts';
import type { VersionedApi } from '../connection/versions.ts';

/** `value`: the answer. `retry`: an error that may pass. `fatal`: an error that no retry changes. */
export type BrokerAnswer<T> =
  | { readonly value: T }
  | { readonly retry: number }
  | { readonly fatal: number }
  /** The connection broke. */
  | undefined;

export interface EachBrokerCall<T> {
  readonly clock: Clock;
  readonly cluster: Pick<ClusterView, 'anyConnection' | 'connectionTo'>;
  /** How long the call may take, with all its retries. */
  readonly timeoutMs: Millis;
  readonly retryMs: Millis;
  readonly api: VersionedApi;
  /** Sends the request once. */
  send(connection: BrokerConnection, version: number, answered: (answer: BrokerAnswer<T>) => void): void;
  /**
   * `found`: the answers by broker. `failed`: the brokers without an answer, with the last error of each.
   * `error`: why the request was sent to no broker.
   */
  done(found: ReadonlyMap<NodeId, T>, failed: ReadonlyMap<NodeId, string>, error: string | undefined): void;
}

export function askEachBroker<T>(call: EachBrokerCall<T>): void {
  new EachBroker(call).begin();
}

class EachBroker<T> {
  private readonly call: EachBrokerCall<T>;
  private readonly deadlineMs: Millis;
  private readonly found = new Map<NodeId, T>();
  private readonly failed = new Map<NodeId, string>();
  /** Brokers without an answer so far. */
  private open = 0;

  constructor(call: EachBrokerCall<T>) {
    this.call = call;
    this.deadlineMs = call.clock.monotonicMs() + call.timeoutMs;
  }

  /** Asks any broker which brokers are alive. */
  begin(): void {
    const { cluster } = this.call;
    const connection = cluster.anyConnection();
    const version = connection?.versions?.newest(apis.metadata);
    const again = () =>
      this.later(
        () => this.begin(),
        () => this.call.done(this.found, this.failed, 'no broker answers'),
      );
    if (connection === undefined || version === undefined) {
      again();
      return;
    }
    connection.request(apis.metadata, version, { topics: [], allowAutoTopicCreation: false }, (response) => {
      if (response === undefined) again();
      else this.askAll(response.brokers.map(({ nodeId }) => nodeId));
    });
  }

  private askAll(brokers: readonly NodeId[]): void {
    this.open = brokers.length;
    if (this.open === 0) this.call.done(this.found, this.failed, undefined);
    for (const nodeId of brokers) this.ask(nodeId);
  }

  private ask(nodeId: NodeId): void {
    const { api, cluster, send } = this.call;
    const connection = cluster.connectionTo(nodeId);
    const again = (why: string) =>
      this.later(
        () => this.ask(nodeId),
        () => this.fails(nodeId, why),
      );
    if (connection === undefined) {
      again('the broker does not answer');
      return;
    }
    const version = connection.versions?.newest(api);
    if (version === undefined) {
      this.fails(nodeId, errorName(ErrorCode.UNSUPPORTED_VERSION));
      return;
    }
    send(connection, version, (answer) => {
      if (answer === undefined) again('the broker does not answer');
      else if ('retry' in answer) again(errorName(answer.retry));
      else if ('fatal' in answer) this.fails(nodeId, errorName(answer.fatal));
      else {
        this.found.set(nodeId, answer.value);
        this.ended();
      }
    });
  }

  private fails(nodeId: NodeId, why: string): void {
    this.failed.set(nodeId, why);
    this.ended();
  }

  private ended(): void {
    if (--this.open === 0) this.call.done(this.found, this.failed, undefined);
  }

  private later(again: () => void, late: () => void): void {
    const { clock, retryMs } = this.call;
    if (clock.monotonicMs() + retryMs > this.deadlineMs) late();
    else clock.setTimer(retryMs, again);
  }
}
