/**
 * AlterConfigs and IncrementalAlterConfigs (KIP-133, KIP-339). Checks each resource on its own, and creates
 * the records of the resources that pass. A resource changes as a whole or not at all.
 *
 * For each altered resource, a record names the request, even if no value changes. A copy of the request that
 * arrives late finds this record and changes nothing (docs/late-requests.md).
 */
import type { LogEntry, Uuid } from '@millrace/base';
import type { Configs, MetadataImage, MetadataRecord, RecordOf } from '@millrace/metadata';
import {
  type AlterConfigsRequest,
  type AlterConfigsResponse,
  ConfigOperation,
  ErrorCode,
  type IncrementalAlterConfigsRequest,
} from '@millrace/protocol';
import { type ApiError, apiError, isApiError } from './assignments.ts';
import { TOO_LARGE } from './call-failures.ts';
import type { ControllerConfig } from './config.ts';
import { configEffects } from './config-effects.ts';
import { type ConfigKind, configKinds } from './config-kinds.ts';
import type { Decision } from './decision.ts';

export interface ConfigsContext {
  readonly image: MetadataImage;
  readonly config: ControllerConfig;
  readonly requestId?: Uuid | undefined;
  readonly clientId: string | null;
}

interface Resource {
  readonly resourceType: number;
  readonly resourceName: string;
  readonly configs: readonly { readonly name: string; readonly value: string | null }[];
}
type IncrementalChange = IncrementalAlterConfigsRequest['resources'][number]['configs'][number];
type Result = AlterConfigsResponse['responses'][number];

/** Limit for the characters of names and values in a request. Its records have the same limit in bytes. */
const REQUEST_LENGTH_MAX = 16 << 20;

/**
 * Limit for the characters of the lists that one request changes by APPEND and SUBTRACT, together with the
 * items to append or remove. The controller does nothing else during this work, so the work must take only a
 * fraction of a second.
 */
const LIST_LENGTH_MAX = 2 << 20;

/** A log line shows at most this many characters of a value, because lists may be long. */
const LOGGED_LENGTH_MAX = 200;
/** Kafka's word for a secret value. */
const HIDDEN = '[hidden]';

/** Kafka's limit for the characters of a value. */
const VALUE_LENGTH_MAX = 32_767;

export function decideAlterConfigs(
  context: ConfigsContext,
  request: AlterConfigsRequest,
): Decision<AlterConfigsResponse> {
  return decide(context, request, ({ configs }) => {
    const problem = nullProblem(configs);
    return problem ?? new Map(configs.map(({ name, value }) => [name, value!]));
  });
}

export function decideIncrementalAlterConfigs(
  context: ConfigsContext,
  request: IncrementalAlterConfigsRequest,
): Decision<AlterConfigsResponse> {
  const { config } = context;
  const work = new ListWork();
  return decide(context, request, ({ configs }, kind, current) => {
    const { DELETE } = ConfigOperation;
    const problem = nullProblem(configs.filter(({ configOperation }) => configOperation !== DELETE));
    if (problem !== undefined) return problem;
    const next = new Map(current);
    for (const change of configs) {
      const value = changed(
        change,
        current.get(change.name),
        () => kind.defaultList(config, change.name),
        work,
      );
      if (typeof value === 'object') return value;
      if (value === undefined) next.delete(change.name);
      else next.set(change.name, value);
    }
    return next;
  });
}

/** Answers every resource of the request with the same error. */
export function failAlterConfigs(
  { resources }: { readonly resources: readonly Omit<Resource, 'configs'>[] },
  failure: ApiError,
): AlterConfigsResponse {
  return { throttleTimeMs: 0, responses: resources.map((resource) => resultOf(resource, failure)) };
}

/** Decides a request of either API. `nextOf` returns the configs that the resource has after the request. */
function decide<R extends Resource>(
  context: ConfigsContext,
  request: { readonly resources: readonly R[]; readonly validateOnly: boolean },
  nextOf: (resource: R, kind: ConfigKind, current: Configs) => Configs | ApiError,
): Decision<AlterConfigsResponse> {
  const { image, config, requestId } = context;
  if (lengthOf(request) > REQUEST_LENGTH_MAX)
    return { records: [], respond: () => failAlterConfigs(request, TOO_LARGE) };
  const timesNamed = new Map<string, number>();
  for (const resource of request.resources) {
    const key = keyOf(resource);
    timesNamed.set(key, (timesNamed.get(key) ?? 0) + 1);
  }
  const records: MetadataRecord[] = [];
  const log: LogEntry<'info'>[] = [];
  const responses: Result[] = [];
  for (const resource of request.resources) {
    const { resourceName } = resource;
    const kind = configKinds.get(resource.resourceType);
    const isRetry =
      kind !== undefined && image.carriedOut.hasAltered(requestId, { resourceType: kind.name, resourceName });
    if (isRetry && !request.validateOnly) {
      responses.push(resultOf(resource, undefined));
      continue;
    }
    const outcome = timesNamed.get(keyOf(resource))! > 1 ? REPEATED : alter(context, resource, kind, nextOf);
    responses.push(resultOf(resource, isApiError(outcome) ? outcome : undefined));
    if (isApiError(outcome) || request.validateOnly) continue;
    for (const record of outcome) {
      records.push(record);
      if (record.type === 'config') log.push(entryOf(context, kind!, record));
    }
  }
  return {
    records: configEffects(image, config, records),
    log,
    respond: () => ({ throttleTimeMs: 0, responses }),
  };
}

const REPEATED = apiError(ErrorCode.INVALID_REQUEST, 'Each resource must appear at most once.');

function keyOf({ resourceType, resourceName }: Resource): string {
  return `${resourceType} ${resourceName}`;
}

/** Returns the records that alter the resource, or the error that says why it cannot be altered. */
function alter<R extends Resource>(
  { image, config, requestId }: ConfigsContext,
  resource: R,
  kind: ConfigKind | undefined,
  nextOf: (resource: R, kind: ConfigKind, current: Configs) => Configs | ApiError,
): MetadataRecord[] | ApiError {
  const { resourceType, resourceName, configs } = resource;
  const keys = new Set(configs.map(({ name }) => name));
  if (keys.size < configs.length)
    return apiError(ErrorCode.INVALID_REQUEST, 'the request names a config of the resource more than once');
  if (kind === undefined)
    return apiError(ErrorCode.INVALID_REQUEST, `configs of resource type ${resourceType} cannot be altered`);
  const current = kind.current(image, resourceName);
  const next = nextOf(resource, kind, current);
  if (isApiError(next)) return next;
  const changes = changesOf(kind, resourceName, current, next);
  const problem = sizeProblem(changes) ?? kind.check({ image, config, resourceName, next, keys });
  if (problem !== undefined) return problem;
  if (requestId === undefined) return changes;
  return [{ type: 'alterConfigs', resourceType: kind.name, resourceName, requestId }, ...changes];
}

/** Returns the log entry that says who changes which config, and how. */
function entryOf(
  { image, config, clientId }: ConfigsContext,
  kind: ConfigKind,
  { resourceType, resourceName: resource, name, value }: RecordOf<'config'>,
): LogEntry<'info'> {
  const shown = (text: string | undefined): string | null => {
    if (text === undefined) return null;
    if (kind.isSensitive(config, name)) return HIDDEN;
    return text.length <= LOGGED_LENGTH_MAX ? text : `${text.slice(0, LOGGED_LENGTH_MAX)}…`;
  };
  const from = shown(kind.current(image, resource).get(name));
  const facts = { resourceType, resource, config: name, from, to: shown(value), clientId };
  return { level: 'info', event: 'config-altered', facts };
}

/** One record for each config whose value changes, sorted by name. */
function changesOf(
  kind: ConfigKind,
  resourceName: string,
  current: Configs,
  next: Configs,
): RecordOf<'config'>[] {
  const names = [...new Set([...current.keys(), ...next.keys()])].sort();
  return names
    .filter((name) => current.get(name) !== next.get(name))
    .map((name) => ({
      type: 'config',
      resourceType: kind.name,
      resourceName,
      name,
      value: next.get(name),
    }));
}

/** Bounds the work of all list operations of one request. `take` returns false if the work is used up. */
class ListWork {
  private left = LIST_LENGTH_MAX;

  take(length: number): boolean {
    this.left -= length;
    return this.left >= 0;
  }
}

function lengthOf({ resources }: { readonly resources: readonly Resource[] }): number {
  let length = 0;
  for (const { resourceName, configs } of resources) {
    length += resourceName.length;
    for (const { name, value } of configs) length += name.length + (value?.length ?? 0);
  }
  return length;
}

/**
 * The value of one config after the change, or an error. Undefined: the resource no longer sets the config.
 */
function changed(
  { name, configOperation, value }: IncrementalChange,
  current: string | undefined,
  defaultListOf: () => string | undefined,
  work: ListWork,
): string | undefined | ApiError {
  const { SET, DELETE, APPEND, SUBTRACT } = ConfigOperation;
  if (configOperation === DELETE) return undefined;
  if (configOperation === SET) return value!;
  if (configOperation !== APPEND && configOperation !== SUBTRACT)
    return apiError(
      ErrorCode.INVALID_REQUEST,
      `unknown operation ${configOperation} for config ${name}: allowed are SET (0), DELETE (1), APPEND (2) and SUBTRACT (3)`,
    );
  const operation = configOperation === APPEND ? 'APPEND' : 'SUBTRACT';
  const defaultList = defaultListOf();
  if (defaultList === undefined)
    return apiError(
      ErrorCode.INVALID_CONFIG,
      `${operation} is not allowed for config ${name}, because it is not a list`,
    );
  const before = current ?? defaultList;
  if (!work.take(before.length + value!.length)) return TOO_LARGE;
  const items = new Set(itemsOf(before));
  for (const item of itemsOf(value!))
    if (configOperation === APPEND) items.add(item);
    else items.delete(item);
  return [...items].join(',');
}

function itemsOf(list: string): string[] {
  return list
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function nullProblem(configs: Resource['configs']): ApiError | undefined {
  const names = configs.filter(({ value }) => value === null).map(({ name }) => name);
  if (names.length === 0) return undefined;
  return apiError(ErrorCode.INVALID_REQUEST, `Null value not supported for : ${names.join(', ')}`);
}

function sizeProblem(changes: readonly RecordOf<'config'>[]): ApiError | undefined {
  const large = changes.find(({ value }) => value !== undefined && value.length > VALUE_LENGTH_MAX);
  if (large === undefined) return undefined;
  return apiError(
    ErrorCode.INVALID_CONFIG,
    `the value of config ${large.name} is too long: at most ${VALUE_LENGTH_MAX} characters are allowed`,
  );
}

function resultOf(
  { resourceType, resourceName }: Omit<Resource, 'configs'>,
  failure: ApiError | undefined,
): Result {
  return {
    errorCode: failure?.errorCode ?? ErrorCode.NONE,
    errorMessage: failure?.message ?? null,
    resourceType,
    resourceName,
  };
}
