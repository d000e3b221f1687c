/**
 * DeleteTopics (KIP-4, by id KIP-516). Checks each topic separately, and creates the records of the topics
 * that pass.
 */
import { type Uuid, ZERO_UUID } from '@millrace/base';
import type { MetadataImage, MetadataRecord } from '@millrace/metadata';
import { type DeleteTopicsRequest, type DeleteTopicsResponse, ErrorCode } from '@millrace/protocol';
import { type ApiError, apiError } from './assignments.ts';
import type { ControllerConfig } from './config.ts';
import type { Decision } from './decision.ts';

type Result = DeleteTopicsResponse['responses'][number];

/** How a request names a topic: by name, or from version 6 on by name or id. */
interface Target {
  readonly name: string | null;
  readonly topicId: Uuid;
}

const REPEATED = apiError(ErrorCode.INVALID_REQUEST, 'the topic is named more than once in the request');

export function decideDeleteTopics(
  image: MetadataImage,
  config: ControllerConfig,
  request: DeleteTopicsRequest,
  { version, requestId }: { readonly version: number; readonly requestId?: Uuid | undefined },
): Decision<DeleteTopicsResponse> {
  const targets = targetsOf(request);
  if (!config.deleteTopicEnable) {
    const errorCode = version < 3 ? ErrorCode.INVALID_REQUEST : ErrorCode.TOPIC_DELETION_DISABLED;
    const response = failTargets(targets, apiError(errorCode, 'delete.topic.enable is false'));
    return { records: [], respond: () => response };
  }
  const records: MetadataRecord[] = [];
  const responses: Result[] = [];
  const timesMeant = countMeant(image, targets);
  for (const { target, times } of distinct(targets).values()) {
    const done = carriedOut(image, requestId, target);
    if (done !== undefined) {
      responses.push({ ...done, errorCode: ErrorCode.NONE, errorMessage: null });
      continue;
    }
    const outcome = times > 1 ? REPEATED : check(image, target);
    if (!isFound(outcome)) {
      responses.push(failedResult(target, outcome));
      continue;
    }
    // If the request has a topic both by name and by id, one refusal with name and id answers both.
    const meant = timesMeant.get(outcome.topicId);
    timesMeant.delete(outcome.topicId);
    if (meant === undefined) continue;
    if (meant > 1) {
      responses.push(failedResult(outcome, REPEATED));
      continue;
    }
    records.push({ type: 'removeTopic', topicId: outcome.topicId, requestId });
    responses.push({ ...outcome, errorCode: ErrorCode.NONE, errorMessage: null });
  }
  return { records, respond: () => ({ throttleTimeMs: 0, responses }) };
}

/**
 * Answers every topic of the request with the same error, for example NOT_CONTROLLER or REQUEST_TIMED_OUT.
 */
export function failDeleteTopics(request: DeleteTopicsRequest, failure: ApiError): DeleteTopicsResponse {
  return failTargets(targetsOf(request), failure);
}

function failTargets(targets: readonly Target[], failure: ApiError): DeleteTopicsResponse {
  return { throttleTimeMs: 0, responses: targets.map((target) => failedResult(target, failure)) };
}

function targetsOf(request: DeleteTopicsRequest): Target[] {
  const byName = request.topicNames.map((name) => ({ name, topicId: ZERO_UUID }));
  return [...byName, ...request.topics];
}

/** Each name and each id once, in the order of the request, with the number of its occurrences. */
function distinct(targets: readonly Target[]): Map<string, { readonly target: Target; times: number }> {
  const found = new Map<string, { readonly target: Target; times: number }>();
  for (const target of targets) {
    const key = `${target.topicId} ${target.name ?? ''}`;
    const before = found.get(key);
    if (before === undefined) found.set(key, { target, times: 1 });
    else before.times++;
  }
  return found;
}

function countMeant(image: MetadataImage, targets: readonly Target[]): Map<Uuid, number> {
  const times = new Map<Uuid, number>();
  for (const { target } of distinct(targets).values()) {
    const outcome = check(image, target);
    if (isFound(outcome)) times.set(outcome.topicId, (times.get(outcome.topicId) ?? 0) + 1);
  }
  return times;
}

interface Found {
  readonly name: string;
  readonly topicId: Uuid;
}

function isFound(outcome: Found | ApiError): outcome is Found {
  return 'topicId' in outcome;
}

function check(image: MetadataImage, { name, topicId }: Target): Found | ApiError {
  if (name !== null && topicId !== ZERO_UUID) {
    return apiError(ErrorCode.INVALID_REQUEST, 'a topic is given by name or by id, not by both');
  }
  if (name === null && topicId === ZERO_UUID) {
    return apiError(ErrorCode.INVALID_REQUEST, 'a topic is given by neither name nor id');
  }
  const topic = name === null ? image.topicById(topicId) : image.topic(name);
  if (topic !== undefined) return { name: topic.name, topicId: topic.id };
  return name === null
    ? apiError(ErrorCode.UNKNOWN_TOPIC_ID, 'there is no topic with this id')
    : apiError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `there is no topic '${name}'`);
}

/** The result that another copy of this request had for the target, if there was one. */
function carriedOut(image: MetadataImage, requestId: Uuid | undefined, { name, topicId }: Target) {
  if (name !== null && topicId !== ZERO_UUID) return undefined;
  return image.carriedOut.find(requestId, name ?? topicId);
}

function failedResult({ name, topicId }: Target, { errorCode, message }: ApiError): Result {
  return { name, topicId, errorCode, errorMessage: message };
}
