/** Makes an administrator's requests that describe and alter configs, and reads configs in the answers. */
import {
  type apis,
  ConfigOperation,
  ConfigResourceType,
  ConfigSource,
  type DescribeConfigsResponse,
  type RequestInputOf,
} from '@millrace/protocol';

/**
 * A topic, a group, a broker by its id, or the loggers of a broker by the broker's id. A broker with the name
 * '' stands for all brokers.
 */
export interface ConfigResource {
  readonly type: 'topic' | 'broker' | 'brokerLogger' | 'group';
  readonly name: string;
}

const TYPES = {
  topic: ConfigResourceType.TOPIC,
  broker: ConfigResourceType.BROKER,
  brokerLogger: ConfigResourceType.BROKER_LOGGER,
  group: ConfigResourceType.GROUP,
} as const;

export interface DescribedConfigEntry {
  readonly name: string;
  /** The value; null: there is none, or it is secret. */
  readonly value: string | null;
  /** The source of the value, in Kafka's words. */
  readonly source: string;
  /** True if the resource itself sets the value. */
  readonly isSet: boolean;
  readonly isReadOnly: boolean;
}

/** Each source in Kafka's words, and the resource that sets values of this source. */
const SOURCES: ReadonlyMap<number, readonly [source: string, of?: string]> = new Map([
  [ConfigSource.TOPIC, ['DYNAMIC_TOPIC_CONFIG', 'topic']],
  [ConfigSource.DYNAMIC_BROKER, ['DYNAMIC_BROKER_CONFIG', 'broker']],
  [ConfigSource.DYNAMIC_DEFAULT_BROKER, ['DYNAMIC_DEFAULT_BROKER_CONFIG', 'brokers']],
  [ConfigSource.STATIC_BROKER, ['STATIC_BROKER_CONFIG']],
  [ConfigSource.DEFAULT, ['DEFAULT_CONFIG']],
  [ConfigSource.DYNAMIC_BROKER_LOGGER, ['DYNAMIC_BROKER_LOGGER_CONFIG', 'brokerLogger']],
  [ConfigSource.GROUP, ['DYNAMIC_GROUP_CONFIG', 'group']],
]);

/** Asks for these configs of a resource. Without names, asks for all of its configs. */
export function describeConfigsRequest(
  { type, name }: ConfigResource,
  names: readonly string[] = [],
): RequestInputOf<typeof apis.describeConfigs> {
  const resource = { resourceType: TYPES[type], resourceName: name };
  return { resources: [{ ...resource, configurationKeys: names.length === 0 ? null : [...names] }] };
}

/** The configs of the first resource of the answer, sorted by name. */
export function configEntriesIn(
  { results }: DescribeConfigsResponse,
  { type, name }: ConfigResource,
): DescribedConfigEntry[] {
  const own = type === 'broker' && name === '' ? 'brokers' : type;
  const entries = (results[0]?.configs ?? []).map(({ name, value, configSource, readOnly }) => {
    const [source, of] = SOURCES.get(configSource) ?? [`source ${configSource}`];
    return { name, value, source, isSet: of === own, isReadOnly: readOnly };
  });
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** `value` undefined: the change removes the config from the resource. */
export interface ConfigChange {
  readonly name: string;
  readonly value: string | undefined;
}

export function alterConfigsRequest(
  { type, name }: ConfigResource,
  changes: readonly ConfigChange[],
  validateOnly = false,
): RequestInputOf<typeof apis.incrementalAlterConfigs> {
  const configs = changes.map(({ name: key, value }) => ({
    name: key,
    configOperation: value === undefined ? ConfigOperation.DELETE : ConfigOperation.SET,
    value: value ?? null,
  }));
  return { resources: [{ resourceType: TYPES[type], resourceName: name, configs }], validateOnly };
}
