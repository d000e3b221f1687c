/**
 * CreateTopics (KIP-4, KIP-464, KIP-525). Checks each topic separately, and creates the records of the topics
 * that pass.
 */
import { assert, type NodeId, type Random, type Uuid, uuidAt, ZERO_UUID } from '@millrace/base';
import { type MetadataImage, type MetadataRecord, validateTopicConfigs } from '@millrace/metadata';
import {
  type CreateTopicsRequest,
  type CreateTopicsResponse,
  ErrorCode,
  topicCollisionKey,
  validateTopicName,
} from '@millrace/protocol';
import {
  type ApiError,
  apiError,
  automaticAssignment,
  checkAssignment,
  isApiError,
  newPartition,
} from './assignments.ts';
import type { ControllerConfig } from './config.ts';
import type { CreatedConfigs } from './created-configs.ts';
import type { Decision } from './decision.ts';
import { inheritedConfigs } from './inherited-configs.ts';

type Topic = CreateTopicsRequest['topics'][number];
type Result = CreateTopicsResponse['topics'][number];

export interface TopicsContext {
  readonly image: MetadataImage;
  readonly config: ControllerConfig;
  readonly random: Random;
  readonly createdConfigs: CreatedConfigs;
  /**
   * The controller derives topic ids from the request id, so that a retry finds its own topics. Undefined:
   * topic ids are random.
   */
  readonly requestId?: Uuid | undefined;
  readonly clientId: string | null;
}

const METADATA_TOPIC = '__cluster_metadata';

export function decideCreateTopics(
  context: TopicsContext,
  request: CreateTopicsRequest,
): Decision<CreateTopicsResponse> {
  const records: MetadataRecord[] = [];
  const topics: Result[] = [];
  // Create this object before the loop. V8 optimises the loop of a long request. If an object literal after
  // the loop had not run before, V8 would throw the optimised code away.
  const decision = { records, respond: () => ({ throttleTimeMs: 0, topics }) };
  const timesNamed = new Map<string, number>();
  for (const { name } of request.topics) timesNamed.set(name, (timesNamed.get(name) ?? 0) + 1);
  const isTooMuch = totalPartitions(context.config, request) > context.config.maxPartitionsPerRequest;
  const taken = new Map<string, string>();
  for (const [index, topic] of request.topics.entries()) {
    const times = timesNamed.get(topic.name)!;
    timesNamed.set(topic.name, 0);
    // Only the first occurrence of a repeated name gets an answer.
    if (times === 0) continue;
    const ownId = context.requestId === undefined ? undefined : uuidAt(context.requestId, index);
    const failure = isTooMuch ? TOO_MUCH : times > 1 ? REPEATED : undefined;
    const decided = decideTopic(context, topic, { ownId, failure, taken, isDry: request.validateOnly });
    topics.push(decided.result);
    for (const record of decided.records) records.push(record);
  }
  return decision;
}

const TOO_MUCH = apiError(ErrorCode.POLICY_VIOLATION, 'the request would create too many partitions at once');
const REPEATED = apiError(ErrorCode.INVALID_REQUEST, 'the topic is named more than once in the request');
const NOTHING: readonly MetadataRecord[] = [];

/** Decides about one topic of a request. */
function decideTopic(
  context: TopicsContext,
  topic: Topic,
  about: {
    /** The id that each copy of this request gives to the topic. Undefined: a random id. */
    readonly ownId: Uuid | undefined;
    /** Set when the request would create too many partitions, or names this topic more than once. */
    readonly failure: ApiError | undefined;
    readonly taken: Map<string, string>;
    /** True if the request only asks whether the topic could be created (validateOnly). */
    readonly isDry: boolean;
  },
): { readonly result: Result; readonly records: readonly MetadataRecord[] } {
  const { ownId, isDry } = about;
  // Another copy of this request already created the topic. Either its response was lost, or this copy is
  // late and nobody waits for the answer.
  if (ownId !== undefined && !isDry && isCarriedOut(context.image, ownId))
    return { result: createdResult(context, topic, ownId), records: NOTHING };
  const replicas = about.failure ?? plan(context, topic, about.taken);
  if (isApiError(replicas)) return { result: failedResult(topic.name, replicas), records: NOTHING };
  const topicId = isDry ? ZERO_UUID : (ownId ?? context.random.uuid());
  return {
    result: createdResult(context, topic, topicId),
    records: isDry ? NOTHING : topicRecords(context, topic, topicId, replicas),
  };
}

/**
 * Whether a copy of the request created this topic. If a client has deleted the topic since, the result stays
 * true while `carriedOut` remembers the deletion: a late copy must not create the topic again.
 */
function isCarriedOut(image: MetadataImage, topicId: Uuid): boolean {
  return image.topicById(topicId) !== undefined || image.carriedOut.isDeleted(topicId);
}

/**
 * Answers every topic of the request with the same error, for example NOT_CONTROLLER or REQUEST_TIMED_OUT.
 */
export function failCreateTopics(request: CreateTopicsRequest, failure: ApiError): CreateTopicsResponse {
  const names = [...new Set(request.topics.map(({ name }) => name))];
  return { throttleTimeMs: 0, topics: names.map((name) => failedResult(name, failure)) };
}

function totalPartitions(config: ControllerConfig, request: CreateTopicsRequest): number {
  let total = 0;
  for (const topic of request.topics) total += Math.max(0, partitionsOf(config, topic));
  return total;
}

function partitionsOf(config: ControllerConfig, { assignments, numPartitions }: Topic): number {
  if (assignments.length > 0) return assignments.length;
  return numPartitions === -1 ? config.numPartitions : numPartitions;
}

/**
 * The replicas of each partition, or why the topic cannot be created. `taken`: the names accepted earlier in
 * this request, by their collision keys.
 */
function plan(context: TopicsContext, topic: Topic, taken: Map<string, string>): NodeId[][] | ApiError {
  const problem = checkName(context.image, topic.name, taken) ?? checkConfigs(context, topic);
  if (problem !== undefined) return problem;
  const replicas = topic.assignments.length > 0 ? manual(context, topic) : automatic(context, topic);
  if (!isApiError(replicas)) taken.set(topicCollisionKey(topic.name), topic.name);
  return replicas;
}

function checkName(
  image: MetadataImage,
  name: string,
  taken: ReadonlyMap<string, string>,
): ApiError | undefined {
  if (name === METADATA_TOPIC) {
    return apiError(ErrorCode.INVALID_REQUEST, `${METADATA_TOPIC} cannot be created`);
  }
  const illegal = validateTopicName(name);
  if (illegal !== undefined) return apiError(ErrorCode.INVALID_TOPIC_EXCEPTION, illegal);
  if (image.topic(name) !== undefined) {
    return apiError(ErrorCode.TOPIC_ALREADY_EXISTS, `topic '${name}' already exists`);
  }
  const other = image.collidingTopic(name) ?? taken.get(topicCollisionKey(name));
  if (other === undefined) return undefined;
  return apiError(
    ErrorCode.INVALID_TOPIC_EXCEPTION,
    `topic '${name}' collides with topic '${other}': '.' and '_' are the same in metric names`,
  );
}

/** Checks the configs. If the request has a config twice, the last value counts, as in Kafka. */
function checkConfigs({ image, config }: TopicsContext, topic: Topic): ApiError | undefined {
  const configs = new Map<string, string>();
  for (const { name, value } of topic.configs) {
    if (value === null) return apiError(ErrorCode.INVALID_CONFIG, `config ${name} has no value`);
    configs.set(name, value);
  }
  const problem = validateTopicConfigs(configs, inheritedConfigs(image, config));
  return problem === undefined ? undefined : apiError(ErrorCode.INVALID_CONFIG, problem);
}

function manual({ image }: TopicsContext, topic: Topic): NodeId[][] | ApiError {
  if (topic.numPartitions !== -1 || topic.replicationFactor !== -1) {
    const given = topic.replicationFactor !== -1 ? 'replication factor' : 'number of partitions';
    return apiError(ErrorCode.INVALID_REQUEST, `with a manual assignment the ${given} must be -1`);
  }
  const sorted = [...topic.assignments].sort((a, b) => a.partitionIndex - b.partitionIndex);
  if (sorted.some(({ partitionIndex }, index) => partitionIndex !== index)) {
    return apiError(
      ErrorCode.INVALID_REPLICA_ASSIGNMENT,
      'the partitions of a manual assignment must be numbered 0, 1, 2, … without gaps or duplicates',
    );
  }
  const lists = sorted.map(({ brokerIds }) => brokerIds);
  return checkAssignment(image, lists) ?? lists;
}

function automatic({ image, config, random }: TopicsContext, topic: Topic): NodeId[][] | ApiError {
  const { numPartitions, replicationFactor } = topic;
  if (numPartitions === 0 || numPartitions < -1) {
    return apiError(ErrorCode.INVALID_PARTITIONS, 'the number of partitions must be positive, or -1');
  }
  if (replicationFactor === 0 || replicationFactor < -1) {
    return apiError(ErrorCode.INVALID_REPLICATION_FACTOR, 'the replication factor must be positive, or -1');
  }
  const partitions = numPartitions === -1 ? config.numPartitions : numPartitions;
  const replicas = replicationFactor === -1 ? config.defaultReplicationFactor : replicationFactor;
  return automaticAssignment(image, partitions, replicas, random);
}

function topicRecords(
  { image }: TopicsContext,
  topic: Topic,
  topicId: Result['topicId'],
  assignment: readonly NodeId[][],
): MetadataRecord[] {
  const records: MetadataRecord[] = [{ type: 'topic', name: topic.name, topicId }];
  assignment.forEach((replicas, partition) => {
    records.push(newPartition(image, topicId, partition, replicas));
  });
  const set = new Map(topic.configs.map(({ name, value }) => [name, value]));
  for (const name of [...set.keys()].sort()) {
    const value = set.get(name);
    assert(typeof value === 'string', 'configs have been checked');
    records.push({ type: 'config', resourceType: 'topic', resourceName: topic.name, name, value });
  }
  return records;
}

/**
 * Describes the requested topic. If this request is a late copy, the topic may meanwhile have more
 * partitions, or be deleted.
 */
function createdResult(
  { image, config, createdConfigs }: TopicsContext,
  topic: Topic,
  topicId: Result['topicId'],
): Result {
  const { replicationFactor } = topic;
  const [first] = topic.assignments;
  const set = new Map(topic.configs.map(({ name, value }) => [name, value ?? '']));
  return {
    name: topic.name,
    topicId,
    errorCode: ErrorCode.NONE,
    errorMessage: null,
    topicConfigErrorCode: ErrorCode.NONE,
    numPartitions: partitionsOf(config, topic),
    replicationFactor:
      first?.brokerIds.length ??
      (replicationFactor === -1 ? config.defaultReplicationFactor : replicationFactor),
    configs: createdConfigs.of(image, set),
  };
}

function failedResult(name: string, { errorCode, message }: ApiError): Result {
  return {
    name,
    topicId: ZERO_UUID,
    errorCode,
    errorMessage: message,
    topicConfigErrorCode: ErrorCode.NONE,
    numPartitions: -1,
    replicationFactor: -1,
    configs: [],
  };
}
