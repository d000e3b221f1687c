/**
 * Reads the error codes in a controller's answers to brokers, and counts each as `control METHOD CODE` for
 * coverage. METHOD is register, heartbeat, session, alter-partition, producer-ids or a forwarded API.
 *
 * This file is also the checker `forwarded-as-it-came`. A broker decodes a client's request before it
 * forwards the request to the controller. So if the controller cannot decode the forwarded request, the
 * broker has sent other bytes than it received.
 */
import { controlCalls, controlSession } from '@millrace/control';
import { apiByKey, apis, DecodeError, ErrorCode, errorName } from '@millrace/protocol';
import type { World } from '../world/index.ts';

const { alterPartition, allocateProducerIds, forward } = controlCalls;
const FORWARDED = [
  apis.createTopics,
  apis.deleteTopics,
  apis.createPartitions,
  apis.alterConfigs,
  apis.incrementalAlterConfigs,
] as const;

/** Checks a call when it arrives. Fails the run if it is a forwarded request that cannot be decoded. */
export function sniffCall(world: World, method: string, request: Uint8Array): void {
  if (method !== forward.name) return;
  const { apiKey, apiVersion, body } = forward.request.decode(request);
  try {
    apiByKey.get(apiKey)!.decodeRequest(apiVersion, body);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    world.fail('forwarded-as-it-came', `a controller got bytes that no client sent: ${error.message}`);
  }
}

/** Counts the error codes in the answer to a call. */
export function sniffAnswer(world: World, method: string, request: Uint8Array, answer: Uint8Array): void {
  if (method === alterPartition.name) {
    const { errorCode, partitions } = alterPartition.response.decode(answer);
    count(world, 'alter-partition', [errorCode, ...partitions.map((partition) => partition.errorCode)]);
  } else if (method === allocateProducerIds.name)
    count(world, 'producer-ids', [allocateProducerIds.response.decode(answer).errorCode]);
  else if (method === forward.name) sniffForwarded(world, request, answer);
}

/** Counts the error codes in a message that the controller sends to a broker on a stream. */
export function sniffStream(world: World, method: string, message: Uint8Array): void {
  if (method !== controlSession.name) return;
  const { register, heartbeat, notControllerLeaderId } = controlSession.response.decode(message);
  if (register !== undefined) count(world, 'register', [register.errorCode]);
  if (heartbeat !== undefined) count(world, 'heartbeat', [heartbeat.errorCode]);
  if (notControllerLeaderId !== undefined) count(world, 'session', [ErrorCode.NOT_CONTROLLER]);
}

function sniffForwarded(world: World, request: Uint8Array, answer: Uint8Array): void {
  const { apiKey, apiVersion } = forward.request.decode(request);
  const { errorCode, body } = forward.response.decode(answer);
  const api = FORWARDED.find(({ key }) => key === apiKey);
  const name = api?.name ?? 'other';
  if (errorCode !== ErrorCode.NONE) count(world, name, [errorCode]);
  else if (api === apis.createTopics)
    count(world, name, codesOf(api.decodeResponse(apiVersion, body).topics));
  else if (api === apis.deleteTopics)
    count(world, name, codesOf(api.decodeResponse(apiVersion, body).responses));
  else if (api === apis.createPartitions)
    count(world, name, codesOf(api.decodeResponse(apiVersion, body).results));
  else if (api === apis.alterConfigs || api === apis.incrementalAlterConfigs)
    count(world, name, codesOf(api.decodeResponse(apiVersion, body).responses));
}

function codesOf(results: readonly { readonly errorCode: number }[]): number[] {
  return results.map(({ errorCode }) => errorCode);
}

function count(world: World, method: string, codes: readonly number[]): void {
  for (const code of codes) if (code !== ErrorCode.NONE) world.count(`control ${method} ${errorName(code)}`);
}
