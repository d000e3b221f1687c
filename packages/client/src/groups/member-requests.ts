/** How a member of a group, of either protocol, sends to its coordinator. */
import { ErrorCode, errorName } from '@millrace/protocol';
import type { BrokerConnection } from '../connection/broker-connection.ts';
import type { VersionedApi } from '../connection/versions.ts';
import type { MemberOptions } from './member.ts';

type Way = Pick<MemberOptions, 'clock' | 'coordinator'>;
type Send = (connection: BrokerConnection, version: number) => void;

export interface MemberRequest {
  readonly api: VersionedApi;
  /** The first version with what the member sends. Default: any. */
  readonly fromVersion?: number;
  /** Asked before each attempt: whether the request is no longer needed. */
  isOver(): boolean;
  send: Send;
  /** No retry would succeed. */
  failed(error: string): void;
}

/** Sends now, or when the coordinator is found. */
export function sendToCoordinator({ coordinator }: Pick<Way, 'coordinator'>, request: MemberRequest): void {
  const { api, fromVersion = 0, isOver, send, failed } = request;
  if (isOver()) return;
  const connection = coordinator.connection();
  if (connection === undefined) {
    if (coordinator.failure !== undefined) failed(coordinator.failure);
    else coordinator.whenChanged(() => sendToCoordinator({ coordinator }, request));
    return;
  }
  const version = connection.versions?.newest(api);
  if (version === undefined || version < fromVersion) failed(errorName(ErrorCode.UNSUPPORTED_VERSION));
  else send(connection, version);
}

/** Sends if the coordinator is connected, else calls `unsent` soon. A member that leaves does not wait. */
export function sendAtOnce({ clock, coordinator }: Way, api: VersionedApi, send: Send, unsent: () => void) {
  const connection = coordinator.connection();
  const version = connection?.versions?.newest(api);
  if (connection === undefined || version === undefined) clock.soon(unsent);
  else send(connection, version);
}
