/**
 * DescribeConfigs (32) for topics, groups, this broker and its loggers. The answer has each config with its
 * value and the source of the value. If the client asks for synonyms, the answer also has the value that each
 * source gives. Reads the committed metadata and the node's settings; keeps nothing.
 */
import { assert } from '@millrace/base';
import {
  type ConfigSynonym,
  describeTopicConfigs,
  dynamicLayers,
  groupConfigDefinitions,
  type MetadataImage,
} from '@millrace/metadata';
import {
  apis,
  ConfigResourceType,
  ConfigSource,
  ErrorCode,
  type RequestOf,
  type ResponseInputOf,
  validateTopicName,
} from '@millrace/protocol';
import type { BrokerConfigEntry, ConfigTypeName } from '../config.ts';
import { type BrokerContext, defineHandler } from '../handler.ts';
import { describeLoggers } from './broker-loggers.ts';
import { type ResourceError, resourceError } from './resource-error.ts';

type Request = RequestOf<typeof apis.describeConfigs>;
type Result = NonNullable<ResponseInputOf<typeof apis.describeConfigs>['results']>[number];
type Config = NonNullable<Result['configs']>[number];

const CONFIG_TYPES: { readonly [name in ConfigTypeName]: number } = {
  boolean: 1,
  string: 2,
  int: 3,
  short: 4,
  long: 5,
  double: 6,
  list: 7,
  class: 8,
  password: 9,
};

/** One source of a value. The value is null if it is secret or not set. */
type Synonym = Omit<ConfigSynonym, 'value'> & { readonly value: string | null };

export const describeConfigs = defineHandler(apis.describeConfigs, (broker, { body }, reply) => {
  const image = broker.image();
  const asked = new Map(
    body.resources.map((entry) => [`${entry.resourceType} ${entry.resourceName}`, entry]),
  );
  const results = [...asked.values()].map(({ resourceType, resourceName, configurationKeys }) => {
    const found = describeResource(broker, image, resourceType, resourceName, body);
    if (!Array.isArray(found)) return { ...found, resourceType, resourceName };
    const wanted =
      configurationKeys === null || configurationKeys.length === 0 ? undefined : new Set(configurationKeys);
    const configs = wanted === undefined ? found : found.filter(({ name }) => wanted.has(name));
    return { errorCode: ErrorCode.NONE, errorMessage: '', resourceType, resourceName, configs };
  });
  reply.send({ results });
});

type Named = Config & { readonly name: string };

function describeResource(
  broker: BrokerContext,
  image: MetadataImage,
  resourceType: number,
  resourceName: string,
  request: Request,
): Named[] | ResourceError {
  if (resourceType === ConfigResourceType.TOPIC) return describeTopic(broker, image, resourceName, request);
  if (resourceType === ConfigResourceType.BROKER) return describeBroker(broker, image, resourceName, request);
  if (resourceType === ConfigResourceType.BROKER_LOGGER) return describeLoggers(broker, resourceName);
  if (resourceType === ConfigResourceType.GROUP) return describeGroup(broker, image, resourceName, request);
  return resourceError(
    ErrorCode.INVALID_REQUEST,
    `This broker has no configs of resource type ${resourceType}.`,
  );
}

function describeTopic(
  broker: BrokerContext,
  image: MetadataImage,
  topic: string,
  request: Request,
): Named[] | ResourceError {
  const reason = validateTopicName(topic);
  if (reason !== undefined)
    return resourceError(ErrorCode.INVALID_TOPIC_EXCEPTION, `Topic name is invalid: ${reason}`);
  if (image.topic(topic) === undefined)
    return resourceError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `Topic ${topic} does not exist.`);
  const layers = {
    ...dynamicLayers(image, broker.brokerId),
    topic: image.topicConfig(topic),
    staticBroker: staticProperties(broker),
  };
  return describeTopicConfigs(layers).map(({ name, isSensitive, definition, synonyms }) => {
    const { type, documentation } = definition;
    return entry(
      { name, type, documentation, sensitive: isSensitive, readOnly: false, chain: synonyms },
      request,
    );
  });
}

function staticProperties(broker: BrokerContext): Map<string, string> {
  const set = new Map<string, string>();
  for (const { name, value, source } of broker.config.properties)
    if (source === 'static' && value !== null) set.set(name, value);
  return set;
}

function describeBroker(
  broker: BrokerContext,
  image: MetadataImage,
  resourceName: string,
  request: Request,
): Named[] | ResourceError {
  const { properties } = broker.config;
  if (resourceName === '') {
    // The empty name stands for all brokers. Only dynamic settings have a value for all brokers.
    const set = image.brokerConfig('');
    return properties
      .filter(({ name }) => set.has(name))
      .map((property) => {
        const { name } = property;
        const chain = [{ name, value: set.get(name)!, source: ConfigSource.DYNAMIC_DEFAULT_BROKER }];
        return entry({ ...property, readOnly: !property.isDynamic, chain }, request);
      });
  }
  if (resourceName !== String(broker.brokerId)) {
    const expected = `expected ${broker.brokerId}, the id of this broker, but received ${resourceName}`;
    return resourceError(ErrorCode.INVALID_REQUEST, `Unexpected broker id, ${expected}.`);
  }
  return properties.map((property) => {
    const chain = brokerChain(broker, image, property);
    return entry({ ...property, readOnly: !property.isDynamic, chain }, request);
  });
}

function describeGroup(
  broker: BrokerContext,
  image: MetadataImage,
  group: string,
  request: Request,
): Named[] | ResourceError {
  if (group === '') return resourceError(ErrorCode.INVALID_REQUEST, 'The group id must not be empty.');
  const set = image.groupConfig(group);
  return groupConfigDefinitions.map(({ name, type, documentation, serverProperty }) => {
    const own = set.get(name);
    const property = broker.config.properties.find((one) => one.name === serverProperty);
    assert(property !== undefined, 'the broker has each setting that is the fallback of a group config');
    const chain = brokerChain(broker, image, property);
    if (own !== undefined) chain.unshift({ name, value: own, source: ConfigSource.GROUP });
    return entry({ name, type, documentation, sensitive: false, readOnly: false, chain }, request);
  });
}

/** The sources of a broker's property, the strongest first. The default, if there is one, is the last. */
function brokerChain(broker: BrokerContext, image: MetadataImage, property: BrokerConfigEntry): Synonym[] {
  const { name } = property;
  const chain: Synonym[] = [];
  const { dynamicBroker, dynamicDefault } = dynamicLayers(image, broker.brokerId);
  const own = dynamicBroker.get(name);
  if (own !== undefined) chain.push({ name, value: own, source: ConfigSource.DYNAMIC_BROKER });
  const all = dynamicDefault.get(name);
  if (all !== undefined) chain.push({ name, value: all, source: ConfigSource.DYNAMIC_DEFAULT_BROKER });
  if (property.source === 'static')
    chain.push({ name, value: property.value, source: ConfigSource.STATIC_BROKER });
  if (property.source === 'default' || property.defaultValue !== null)
    chain.push({ name, value: property.defaultValue, source: ConfigSource.DEFAULT });
  return chain;
}

function entry(
  o: {
    readonly name: string;
    readonly type: ConfigTypeName;
    readonly documentation: string;
    readonly sensitive: boolean;
    readonly readOnly: boolean;
    readonly chain: readonly Synonym[];
  },
  { includeSynonyms, includeDocumentation }: Request,
): Named {
  const shown = o.sensitive ? o.chain.map((synonym) => ({ ...synonym, value: null })) : o.chain;
  const first = shown[0]!;
  return {
    name: o.name,
    value: first.value,
    readOnly: o.readOnly,
    configSource: first.source,
    isSensitive: o.sensitive,
    synonyms: includeSynonyms ? shown : [],
    configType: CONFIG_TYPES[o.type],
    documentation: includeDocumentation ? o.documentation : null,
  };
}
