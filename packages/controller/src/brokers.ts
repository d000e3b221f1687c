/**
 * Decides registrations and heartbeats of brokers. Reads the image and the sessions, and changes neither.
 * fencing.ts decides what follows when a session ends.
 */
import { isUuid, type NodeId, type Uuid, ZERO_UUID } from '@millrace/base';
import type {
  HeartbeatRequest,
  HeartbeatResponse,
  RegisterRequest,
  RegisterResponse,
} from '@millrace/control';
import type { BrokerRegistration, MetadataImage, MetadataRecord } from '@millrace/metadata';
import { ErrorCode } from '@millrace/protocol';
import { partitionEffects } from './broker-effects.ts';
import type { ControllerConfig } from './config.ts';
import { answer, type Decision } from './decision.ts';
import { fence, unfence } from './fencing.ts';
import { type BrokerSessions, leaseMs } from './sessions.ts';

export interface BrokerContext {
  readonly image: MetadataImage;
  readonly sessions: BrokerSessions;
  readonly config: ControllerConfig;
  /** The id of the cluster. Undefined while this node does not know it. */
  readonly clusterId: Uuid | undefined;
}

/**
 * Decides a registration. Errors: INCONSISTENT_CLUSTER_ID; INVALID_REGISTRATION;
 * DUPLICATE_BROKER_REGISTRATION while another process with this id is alive. If the same incarnation retries,
 * because the response was lost, it gets the same epoch.
 */
export function decideRegister(context: BrokerContext, request: RegisterRequest): Decision<RegisterResponse> {
  const { image, config } = context;
  const problem = validateRegistration(context, request);
  if (problem !== undefined) return answer(problem);
  const existing = image.broker(request.brokerId);
  const respond = (after: MetadataImage): RegisterResponse => ({
    errorCode: ErrorCode.NONE,
    errorMessage: undefined,
    brokerEpoch: after.broker(request.brokerId)!.epoch,
  });
  if (existing !== undefined) {
    if (existing.incarnationId === request.incarnationId && sameEndpoints(existing, request)) {
      return { records: [], respond };
    }
    if (isAnotherLiveProcess(context, existing, request)) {
      return answer(
        refusedRegistration(ErrorCode.DUPLICATE_BROKER_REGISTRATION, duplicateMessage(existing, request)),
      );
    }
  }
  const clean = existing !== undefined && request.previousBrokerEpoch === existing.epoch;
  const records = partitionEffects(image, config, {
    brokers: [request.brokerId],
    isActive: (id) => id !== request.brokerId && image.isActive(id),
    leaving: clean ? undefined : request.brokerId,
    leavesEmpty: existing !== undefined && hasOtherDisk(existing, request),
  });
  records.push({
    type: 'registerBroker',
    brokerId: request.brokerId,
    incarnationId: request.incarnationId as Uuid,
    listeners: request.listeners,
    rack: request.rack,
    logDirs: request.logDirs as Uuid[],
    sessionTimeoutMs: request.sessionTimeoutMs,
    minInsyncReplicas: request.minInsyncReplicas,
  });
  return { records, respond };
}

function validateRegistration(
  { clusterId }: BrokerContext,
  request: RegisterRequest,
): RegisterResponse | undefined {
  if (clusterId !== undefined && request.clusterId !== '' && request.clusterId !== clusterId) {
    return refusedRegistration(
      ErrorCode.INCONSISTENT_CLUSTER_ID,
      `the broker belongs to cluster ${request.clusterId}, but this is cluster ${clusterId}`,
    );
  }
  const invalid = (message: string) => refusedRegistration(ErrorCode.INVALID_REGISTRATION, message);
  if (request.brokerId < 0) return invalid('the broker id is negative');
  if (!isUuid(request.incarnationId) || request.incarnationId === ZERO_UUID) {
    return invalid('the incarnation id is malformed');
  }
  if (request.listeners.length === 0) return invalid('the broker advertises no listener');
  if (new Set(request.listeners.map(({ name }) => name)).size < request.listeners.length) {
    return invalid('two advertised listeners have the same name');
  }
  if (!request.logDirs.every(isUuid)) return invalid('a log directory id is malformed');
  return undefined;
}

function refusedRegistration(errorCode: number, errorMessage: string): RegisterResponse {
  return { errorCode, errorMessage, brokerEpoch: -1 };
}

/**
 * Whether the controller must assume that the earlier incarnation is alive. The controller accepts the new
 * incarnation in three cases: the session of the earlier one is over; the earlier one is shutting down; or
 * the new one has a log directory of the earlier one, and the earlier one has no open control stream to this
 * controller. The directory alone proves nothing: a process locks its directories, but the lock does not
 * cover a copy of them, for example on a cloned disk.
 */
function isAnotherLiveProcess(
  { sessions }: BrokerContext,
  existing: BrokerRegistration,
  request: RegisterRequest,
): boolean {
  if (existing.incarnationId === request.incarnationId) return false;
  if (existing.inControlledShutdown || sessions.expiresAt(existing.id) === undefined) return false;
  return sessions.hasOpenStream(existing.id) || !sharesDirectory(existing.logDirs, request.logDirs);
}

function duplicateMessage({ id, logDirs }: BrokerRegistration, request: RegisterRequest): string {
  const message = `broker ${id} is alive in another process`;
  if (!sharesDirectory(logDirs, request.logDirs)) return message;
  return `${message}, which may run on a copy of this log directory, for example a cloned disk`;
}

/**
 * Whether every log directory of the earlier registration is gone. A directory that was deleted and created
 * again has another id.
 */
function hasOtherDisk({ logDirs }: BrokerRegistration, request: RegisterRequest): boolean {
  return logDirs.length > 0 && request.logDirs.length > 0 && !sharesDirectory(logDirs, request.logDirs);
}

function sharesDirectory(before: readonly Uuid[], now: readonly string[]): boolean {
  return before.some((id) => now.includes(id));
}

function sameEndpoints(existing: BrokerRegistration, request: RegisterRequest): boolean {
  return (
    existing.rack === request.rack &&
    existing.listeners.length === request.listeners.length &&
    existing.listeners.every((a, index) => {
      const b = request.listeners[index]!;
      return a.name === b.name && a.host === b.host && a.port === b.port;
    })
  );
}

/**
 * The registration with this broker epoch. Undefined: the epoch is stale, and the broker must register again.
 */
export function currentRegistration(
  image: MetadataImage,
  brokerId: NodeId,
  brokerEpoch: number,
): BrokerRegistration | undefined {
  const broker = image.broker(brokerId);
  return broker?.epoch === brokerEpoch ? broker : undefined;
}

/** Decides a heartbeat. The caller has checked the broker's epoch and extended its session. */
export function decideHeartbeat(
  context: BrokerContext,
  request: HeartbeatRequest,
): Decision<HeartbeatResponse> {
  const { image, sessions, config } = context;
  const broker = image.broker(request.brokerId)!;
  const needed = broker.fenced ? Math.max(broker.epoch, sessions.unfenceOffset(broker.id)) : broker.epoch;
  const isCaughtUp = request.metadataOffset >= needed;
  const respond = (after: MetadataImage): HeartbeatResponse => {
    const isFenced = after.broker(broker.id)!.fenced;
    return {
      errorCode: ErrorCode.NONE,
      isCaughtUp,
      isFenced,
      shouldShutDown: request.wantShutDown && isFenced,
      leaseMs: isFenced ? 0 : leaseMs(config.sessionTimeoutMs),
    };
  };
  return { records: heartbeatRecords(context, request, broker, isCaughtUp), respond };
}

function heartbeatRecords(
  context: BrokerContext,
  request: HeartbeatRequest,
  broker: BrokerRegistration,
  isCaughtUp: boolean,
): MetadataRecord[] {
  const { image, config } = context;
  if (request.wantShutDown) {
    if (broker.fenced) return [];
    if (!broker.inControlledShutdown) return controlledShutdown(context, broker);
    return othersHaveTakenOver(context, broker) ? fence(image, config, [broker.id]) : [];
  }
  if (request.wantFence) return broker.fenced ? [] : fence(image, config, [broker.id]);
  if (broker.fenced && isCaughtUp && !broker.inControlledShutdown) return unfence(image, config, broker);
  return [];
}

/**
 * Moves the broker's leaderships at once. The broker keeps running until the other brokers know the new
 * leaders (othersHaveTakenOver).
 */
function controlledShutdown({ image, config }: BrokerContext, broker: BrokerRegistration): MetadataRecord[] {
  const isActive = (id: NodeId) => id !== broker.id && image.isActive(id);
  return [
    ...partitionEffects(image, config, { brokers: [broker.id], isActive }),
    { type: 'brokerChange', brokerId: broker.id, brokerEpoch: broker.epoch, inControlledShutdown: true },
  ];
}

/**
 * Whether every active broker has applied the metadata that moved the broker's leaderships. Only then does
 * the controller fence this broker, so that it may stop.
 */
function othersHaveTakenOver({ image, sessions }: BrokerContext, broker: BrokerRegistration): boolean {
  const movedAt = sessions.shutdownOffset(broker.id);
  for (const { id } of image.brokers.values()) {
    if (image.isActive(id) && sessions.metadataOffset(id) < movedAt) return false;
  }
  return true;
}
