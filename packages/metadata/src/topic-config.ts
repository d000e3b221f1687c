/**
 * The configs of a topic. A config has the value from the first of Kafka's layers that sets it: topic,
 * broker, default of all brokers, the node's own configuration, built-in default. This file must not know the
 * purpose of a config, except that it compares the two compaction lags.
 */
import { assert } from '@millrace/base';
import { ConfigSource } from '@millrace/protocol';
import { type Definition, definitions } from './topic-config-table.ts';

export type { ConfigType, Definition as TopicConfigDefinition } from './topic-config-table.ts';

/** All topic configs, sorted by name. */
export const topicConfigDefinitions: readonly Definition[] = definitions;

const byName: ReadonlyMap<string, Definition> = new Map(definitions.map((entry) => [entry.name, entry]));

/** The sources of values, the strongest first. An absent layer is empty. */
export interface ConfigLayers {
  /** Configs set on the topic. */
  readonly topic?: ReadonlyMap<string, string>;
  /** Dynamic configs of this broker, under the names of broker properties. */
  readonly dynamicBroker?: ReadonlyMap<string, string>;
  /** Dynamic configs for all brokers, under the names of broker properties. */
  readonly dynamicDefault?: ReadonlyMap<string, string>;
  /** Properties that the node's configuration sets. */
  readonly staticBroker?: ReadonlyMap<string, string>;
}

/** The value of a config in one layer. The first of a config's synonyms has the effective value. */
export interface ConfigSynonym {
  /** The config's name in that layer: a topic config or a broker property. */
  readonly name: string;
  readonly value: string;
  readonly source: number;
}

export interface DescribedConfig {
  readonly name: string;
  readonly value: string;
  readonly source: number;
  readonly isSensitive: boolean;
  readonly definition: Definition;
  readonly synonyms: readonly ConfigSynonym[];
}

/** Returns the error of an invalid value, as a message for the client. Undefined: the value is valid. */
export function validateTopicConfig(name: string, value: string): string | undefined {
  const definition = byName.get(name);
  if (definition === undefined) return `unknown topic config ${name}`;
  const problem = definition.check(value);
  return problem === undefined ? undefined : `invalid value '${value}' for config ${name}: ${problem}`;
}

/**
 * Validates each config that is set on a topic. Also checks that the effective min.compaction.lag.ms is not
 * larger than the effective max.compaction.lag.ms. If the topic does not set a lag, its value comes
 * from the other layers.
 */
export function validateTopicConfigs(
  topic: ReadonlyMap<string, string>,
  inherited: Omit<ConfigLayers, 'topic'> = {},
): string | undefined {
  for (const [name, value] of topic) {
    const problem = validateTopicConfig(name, value);
    if (problem !== undefined) return problem;
  }
  const layers: ConfigLayers = { ...inherited, topic };
  const lagMin = effectiveTopicConfig('min.compaction.lag.ms', layers).trim();
  const lagMax = effectiveTopicConfig('max.compaction.lag.ms', layers).trim();
  if (BigInt(lagMin) <= BigInt(lagMax)) return undefined;
  return `min.compaction.lag.ms (${lagMin}) is larger than max.compaction.lag.ms (${lagMax})`;
}

/** The config's row in the table; undefined if there is no such topic config. */
export function topicConfigDefinition(name: string): Definition | undefined {
  return byName.get(name);
}

/** The effective value. `name` must be a known topic config. */
export function effectiveTopicConfig(name: string, layers: ConfigLayers): string {
  const definition = byName.get(name);
  assert(definition !== undefined, 'a known topic config');
  const set = layers.topic?.get(name);
  if (set !== undefined) return set;
  for (const layer of [layers.dynamicBroker, layers.dynamicDefault, layers.staticBroker]) {
    const inherited = layer === undefined ? undefined : fromBroker(definition, layer);
    if (inherited !== undefined) return inherited.value;
  }
  return definition.defaultValue;
}

/** Every topic config, sorted by name, in the form that DescribeConfigs and CreateTopics return. */
export function describeTopicConfigs(layers: ConfigLayers): DescribedConfig[] {
  return definitions.map((definition) => {
    const synonyms = synonymsOf(definition, layers);
    const { value, source } = synonyms[0]!;
    return { name: definition.name, value, source, isSensitive: false, definition, synonyms };
  });
}

function synonymsOf(definition: Definition, layers: ConfigLayers): ConfigSynonym[] {
  const synonyms: ConfigSynonym[] = [];
  const set = layers.topic?.get(definition.name);
  if (set !== undefined) synonyms.push({ name: definition.name, value: set, source: ConfigSource.TOPIC });
  const brokerLayers = [
    [layers.dynamicBroker, ConfigSource.DYNAMIC_BROKER],
    [layers.dynamicDefault, ConfigSource.DYNAMIC_DEFAULT_BROKER],
    [layers.staticBroker, ConfigSource.STATIC_BROKER],
  ] as const;
  for (const [layer, source] of brokerLayers) {
    const inherited = layer === undefined ? undefined : fromBroker(definition, layer);
    if (inherited !== undefined) synonyms.push({ ...inherited, source });
  }
  const name = definition.serverProperties[0]?.name ?? definition.name;
  synonyms.push({ name, value: definition.defaultValue, source: ConfigSource.DEFAULT });
  return synonyms;
}

/** The first of the config's broker properties that the layer sets, converted to the topic config's unit. */
function fromBroker(
  definition: Definition,
  layer: ReadonlyMap<string, string>,
): { name: string; value: string } | undefined {
  for (const { name, factor } of definition.serverProperties) {
    const value = layer.get(name);
    if (value === undefined) continue;
    // A negative number means "no limit" in any unit.
    const scaled =
      factor === 1 || value.trim().startsWith('-') ? value : String(BigInt(value.trim()) * BigInt(factor));
    return { name, value: scaled };
  }
  return undefined;
}

export function booleanOf(value: string): boolean {
  return value.trim().toLowerCase() === 'true';
}

/**
 * A config's number. A value beyond the safe integers (the "no limit" of a long) becomes the nearest safe
 * one.
 */
export function numberOf(value: string): number {
  const number = Number(value.trim());
  assert(!Number.isNaN(number), 'a validated number');
  return Math.min(Number.MAX_SAFE_INTEGER, Math.max(Number.MIN_SAFE_INTEGER, number));
}
