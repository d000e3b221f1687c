/**
 * The kinds of resources whose configs the metadata holds: which configs each kind has, and which values are
 * allowed. The same tables validate the configs of CreateTopics.
 */
import {
  type Configs,
  type MetadataImage,
  type RecordOf,
  topicConfigDefinition,
  validateTopicConfigs,
} from '@millrace/metadata';
import { ConfigResourceType, ErrorCode, validateTopicName } from '@millrace/protocol';
import { type ApiError, apiError } from './assignments.ts';
import { cleanerThreadsProblem } from './cleaner-threads.ts';
import type { ControllerConfig } from './config.ts';
import { inheritedConfigs } from './inherited-configs.ts';

export interface ConfigKind {
  readonly name: RecordOf<'config'>['resourceType'];
  /** The configs that are set on the resource. */
  current(image: MetadataImage, resourceName: string): Configs;
  /** The default of a config that is a list. Undefined: the config is no list, or is unknown. */
  defaultList(config: ControllerConfig, key: string): string | undefined;
  /** True if the value of the config is secret. */
  isSensitive(config: ControllerConfig, key: string): boolean;
  /** Returns why the resource cannot have the configs `next`; undefined: it can. */
  check(asked: CheckedConfigs): ApiError | undefined;
}

export interface CheckedConfigs {
  readonly image: MetadataImage;
  readonly config: ControllerConfig;
  readonly resourceName: string;
  readonly next: Configs;
  /** The configs that the request sets or resets. */
  readonly keys: ReadonlySet<string>;
}

const topics: ConfigKind = {
  name: 'topic',
  current: (image, topic) => image.topicConfig(topic),
  defaultList(_config, key) {
    const definition = topicConfigDefinition(key);
    return definition?.type === 'list' ? definition.defaultValue : undefined;
  },
  isSensitive: () => false,
  check({ image, config, resourceName: topic, next }) {
    if (topic === '')
      return apiError(ErrorCode.INVALID_REQUEST, 'the name of the topic is empty; topics have no default');
    const illegal = validateTopicName(topic);
    if (illegal !== undefined) return apiError(ErrorCode.INVALID_TOPIC_EXCEPTION, illegal);
    const problem = validateTopicConfigs(next, inheritedConfigs(image, config));
    if (problem !== undefined) return apiError(ErrorCode.INVALID_CONFIG, problem);
    if (image.topic(topic) !== undefined) return undefined;
    return apiError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `there is no topic '${topic}'`);
  },
};

/** The name '' stands for all brokers. */
const brokers: ConfigKind = {
  name: 'broker',
  current: (image, broker) => image.brokerConfig(broker),
  defaultList: ({ brokerSettings }, key) => brokerSettings.get(key)?.defaultList,
  isSensitive: ({ brokerSettings }, key) => brokerSettings.get(key)?.isSensitive === true,
  check({ image, config, resourceName: broker, next, keys }) {
    const invalid = (message: string) => apiError(ErrorCode.INVALID_REQUEST, message);
    const id = Number(broker);
    const isRegistered = String(id) === broker && image.broker(id) !== undefined;
    if (broker !== '' && !isRegistered) return invalid(`there is no broker '${broker}'`);
    const problem = brokerProblem(config, next) ?? cleanerThreadsProblem(image, config, broker, next);
    if (problem !== undefined) return invalid(problem);
    return minIsrProblem(image.brokerConfig(broker), broker, next, keys);
  },
};

/** As in Kafka, an invalid config of a broker gets INVALID_REQUEST, and not INVALID_CONFIG. */
function brokerProblem({ brokerSettings }: ControllerConfig, next: Configs): string | undefined {
  const unknown = [...next.keys()].find((name) => !brokerSettings.has(name));
  if (unknown !== undefined) return `unknown broker config ${unknown}`;
  const fixed = [...next.keys()].filter((name) => !brokerSettings.get(name)!.isDynamic);
  if (fixed.length > 0) return `Cannot update these configs dynamically: [${fixed.join(', ')}]`;
  for (const [name, value] of next) {
    const problem = brokerSettings.get(name)!.check(value);
    if (problem !== undefined) return `invalid value '${value}' for config ${name}: ${problem}`;
  }
  return undefined;
}

/**
 * Kafka's rules for min.insync.replicas with eligible leader replicas. The rules exist because the controller
 * must know by which value each leader commits. Returns an error if the change breaks a rule.
 */
function minIsrProblem(
  current: Configs,
  broker: string,
  next: Configs,
  keys: ReadonlySet<string>,
): ApiError | undefined {
  const name = 'min.insync.replicas';
  if (broker !== '')
    return keys.has(name)
      ? apiError(ErrorCode.INVALID_CONFIG, `Broker-level ${name} cannot be altered while ELR is enabled.`)
      : undefined;
  const isRemoved = !next.has(name) && (current.has(name) || keys.has(name));
  return isRemoved
    ? apiError(ErrorCode.INVALID_CONFIG, `Cluster-level ${name} cannot be removed while ELR is enabled.`)
    : undefined;
}

const groups: ConfigKind = {
  name: 'group',
  current: (image, group) => image.groupConfig(group),
  defaultList: () => undefined,
  isSensitive: () => false,
  check({ config: { groupConfigs }, resourceName: group, next }) {
    if (group === '') return apiError(ErrorCode.INVALID_REQUEST, 'Default group resources are not allowed.');
    for (const [name, value] of next) {
      const problem = groupProblem(groupConfigs, name, value);
      if (problem !== undefined) return apiError(ErrorCode.INVALID_CONFIG, problem);
    }
    const effective = (name: string) => Number(next.get(name) ?? groupConfigs.get(name)!.fallback);
    const [session, interval] = ['consumer.session.timeout.ms', 'consumer.heartbeat.interval.ms'] as const;
    if (next.size === 0 || effective(session) > effective(interval)) return undefined;
    return apiError(
      ErrorCode.INVALID_CONFIG,
      `${session} (${effective(session)}) must be larger than ${interval} (${effective(interval)})`,
    );
  },
};

function groupProblem(
  groupConfigs: ControllerConfig['groupConfigs'],
  name: string,
  value: string,
): string | undefined {
  const limits = groupConfigs.get(name);
  if (limits === undefined)
    return `unknown group config ${name}: allowed are ${[...groupConfigs.keys()].join(', ')}`;
  const number = /^[+-]?\d{1,10}$/.test(value.trim()) ? Number(value) : Number.NaN;
  if (number >= limits.min && number <= limits.max) return undefined;
  return `invalid value '${value}' for config ${name}: must be a whole number from ${limits.min} to ${limits.max}`;
}

/** The kinds, by the number of the resource type in a request. */
export const configKinds: ReadonlyMap<number, ConfigKind> = new Map([
  [ConfigResourceType.TOPIC, topics],
  [ConfigResourceType.BROKER, brokers],
  [ConfigResourceType.GROUP, groups],
]);
