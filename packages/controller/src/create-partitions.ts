/** CreatePartitions (KIP-195): adds partitions to existing topics. `count` is the new total. */
import type { NodeId } from '@millrace/base';
import type { MetadataRecord, TopicImage } from '@millrace/metadata';
import { type CreatePartitionsRequest, type CreatePartitionsResponse, ErrorCode } from '@millrace/protocol';
import {
  type ApiError,
  apiError,
  automaticAssignment,
  checkAssignment,
  isApiError,
  newPartition,
} from './assignments.ts';
import type { TopicsContext } from './create-topics.ts';
import type { Decision } from './decision.ts';

type Topic = CreatePartitionsRequest['topics'][number];
type Result = CreatePartitionsResponse['results'][number];

export function decideCreatePartitions(
  context: TopicsContext,
  request: CreatePartitionsRequest,
): Decision<CreatePartitionsResponse> {
  const { image, config } = context;
  const records: MetadataRecord[] = [];
  const results: Result[] = [];
  const timesNamed = new Map<string, number>();
  for (const { name } of request.topics) timesNamed.set(name, (timesNamed.get(name) ?? 0) + 1);
  let budget = config.maxPartitionsPerRequest;
  for (const topic of request.topics) {
    const times = timesNamed.get(topic.name)!;
    timesNamed.set(topic.name, 0);
    if (times === 0) continue;
    if (image.carriedOut.find(context.requestId, topic.name) !== undefined) {
      results.push(result(topic.name, undefined));
      continue;
    }
    const outcome =
      times > 1
        ? apiError(ErrorCode.INVALID_REQUEST, 'the topic is named more than once in the request')
        : plan(context, topic, budget);
    if (isApiError(outcome)) {
      results.push(result(topic.name, outcome));
      continue;
    }
    budget -= outcome.length;
    results.push(result(topic.name, undefined));
    if (request.validateOnly) continue;
    const existing = image.topic(topic.name)!;
    outcome.forEach((replicas, index) => {
      const partition = newPartition(image, existing.id, existing.partitions.length + index, replicas);
      records.push(index === 0 ? { ...partition, requestId: context.requestId } : partition);
    });
  }
  return { records, respond: () => ({ throttleTimeMs: 0, results }) };
}

/**
 * Answers every topic of the request with the same error, for example NOT_CONTROLLER or REQUEST_TIMED_OUT.
 */
export function failCreatePartitions(
  request: CreatePartitionsRequest,
  failure: ApiError,
): CreatePartitionsResponse {
  const names = [...new Set(request.topics.map(({ name }) => name))];
  return { throttleTimeMs: 0, results: names.map((name) => result(name, failure)) };
}

const TOO_MANY = apiError(ErrorCode.POLICY_VIOLATION, 'the request would create too many partitions at once');

/** The replicas of each new partition, or why the partitions cannot be created. */
function plan(context: TopicsContext, topic: Topic, budget: number): NodeId[][] | ApiError {
  const existing = context.image.topic(topic.name);
  if (existing === undefined) {
    return apiError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `there is no topic '${topic.name}'`);
  }
  const current = existing.partitions.length;
  const added = topic.count - current;
  if (added <= 0) {
    return apiError(
      ErrorCode.INVALID_PARTITIONS,
      `the topic has ${current} partitions; ${topic.count} is not an increase`,
    );
  }
  if (topic.assignments !== null) return manual(context, existing, added, topic.assignments, budget);
  if (added > budget) return TOO_MANY;
  return automaticAssignment(context.image, added, replicationFactorOf(existing), context.random);
}

function manual(
  { image }: TopicsContext,
  existing: TopicImage,
  added: number,
  assignments: NonNullable<Topic['assignments']>,
  budget: number,
): NodeId[][] | ApiError {
  if (assignments.length !== added) {
    return apiError(
      ErrorCode.INVALID_REPLICA_ASSIGNMENT,
      `${added} partitions would be added, but ${assignments.length} are assigned`,
    );
  }
  if (added > budget) return TOO_MANY;
  const lists = assignments.map(({ brokerIds }) => brokerIds);
  return checkAssignment(image, lists, replicationFactorOf(existing)) ?? lists;
}

function replicationFactorOf(topic: TopicImage): number {
  return topic.partitions[0]!.replicas.length;
}

function result(name: string, failure: ApiError | undefined): Result {
  return {
    name,
    errorCode: failure?.errorCode ?? ErrorCode.NONE,
    errorMessage: failure?.message ?? null,
  };
}
