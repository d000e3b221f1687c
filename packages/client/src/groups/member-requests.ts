/** How a member sends requests to its group's coordinator, in the classic and in the consumer protocol. */
import { ErrorCode, errorName } from '@millrace/protocol';
import type { BrokerConnection } from '../connection/broker-connection.ts';
import type { VersionedApi } from '../connection/versions.ts';
import type { MemberOptions } from './member.ts';

type Way = Pick<MemberOptions, 'clock' | 'coordinator'>;
type Send = (connection: BrokerConnection, version: number) => void;

export interface MemberRequest {
  readonly api: VersionedApi;
  /** The first version that has all fields that the member sends. Default 0. */
  readonly fromVersion?: number;
  /** Called before each attempt. True: the request is no longer needed. */
  isOver(): boolean;
  send: Send;
  /** Called when the request failed and no retry would succeed. */
  failed(error: string): void;
}

/** Sends the request now, or as soon as there is a connection to the coordinator. */
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

/** Sends if there is a connection to the coordinator, else calls `unsent` soon. For a member that leaves. */
export function sendAtOnce({ clock, coordinator }: Way, api: VersionedApi, send: Send, unsent: () => void) {
  const connection = coordinator.connection();
  const version = connection?.versions?.newest(api);
  if (connection === undefined || version === undefined) clock.soon(unsent);
  else send(connection, version);
}
