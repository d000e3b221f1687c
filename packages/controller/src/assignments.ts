/** Replica assignments, automatic or given in the request, and the partition records for them. */
import type { NodeId, Random, Uuid } from '@millrace/base';
import type { MetadataImage, RecordOf } from '@millrace/metadata';
import { ErrorCode } from '@millrace/protocol';
import { type PlaceableBroker, placementProblem, placeReplicas } from './placement.ts';

/** The error of a request, or of one operation in it (Kafka's ApiError). */
export interface ApiError {
  readonly errorCode: ErrorCode;
  readonly message: string;
}

export function apiError(errorCode: ErrorCode, message: string): ApiError {
  return { errorCode, message };
}

export function isApiError(value: object): value is ApiError {
  return 'errorCode' in value;
}

/** Registered brokers that are not in controlled shutdown, sorted by id. */
export function usableBrokers(image: MetadataImage): PlaceableBroker[] {
  return image
    .sortedBrokers()
    .filter(({ inControlledShutdown }) => !inControlledShutdown)
    .map(({ id, rack, fenced }) => ({ id, rack, fenced, replicas: image.replicaCount(id) }));
}

/**
 * Chooses the replicas of new partitions. Returns an error (INVALID_REPLICATION_FACTOR) if there are too few
 * brokers, or if all of them are fenced.
 */
export function automaticAssignment(
  image: MetadataImage,
  partitionCount: number,
  replicationFactor: number,
  random: Random,
): NodeId[][] | ApiError {
  const brokers = usableBrokers(image);
  const problem = placementProblem(brokers, replicationFactor);
  if (problem !== undefined) return apiError(ErrorCode.INVALID_REPLICATION_FACTOR, problem);
  return placeReplicas(brokers, partitionCount, replicationFactor, random);
}

/**
 * Checks the lists of a manual assignment. Each list must name at least one broker that can lead. It must not
 * name a broker that is not registered, and must not name a broker twice. All lists must have the same
 * length, which is `replicationFactor` if it is given. Returns undefined if the lists pass.
 */
export function checkAssignment(
  image: MetadataImage,
  lists: readonly (readonly NodeId[])[],
  replicationFactor?: number,
): ApiError | undefined {
  const invalid = (message: string) => apiError(ErrorCode.INVALID_REPLICA_ASSIGNMENT, message);
  const expected = replicationFactor ?? lists[0]?.length ?? 0;
  for (const list of lists) {
    if (list.length === 0) return invalid('an assignment has no replicas');
    if (list.length !== expected) {
      return invalid(`an assignment has ${list.length} replicas where the others have ${expected}`);
    }
    if (new Set(list).size < list.length) return invalid('an assignment names a broker more than once');
    const unknown = list.find((id) => image.broker(id) === undefined);
    if (unknown !== undefined)
      return invalid(`an assignment names broker ${unknown}, which is not registered`);
    if (!list.some((id) => image.isActive(id))) {
      return invalid('every broker of an assignment is fenced or shutting down');
    }
  }
  return undefined;
}

/** The record of a new partition. Its active replicas form the ISR, and the first of them leads. */
export function newPartition(
  image: MetadataImage,
  topicId: Uuid,
  partition: number,
  replicas: readonly NodeId[],
): RecordOf<'partition'> {
  const isr = replicas.filter((id) => image.isActive(id));
  return {
    type: 'partition',
    topicId,
    partition,
    replicas,
    isr,
    leader: isr[0]!,
    leaderEpoch: 0,
    partitionEpoch: 0,
  };
}
