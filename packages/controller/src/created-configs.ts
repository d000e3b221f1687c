/**
 * The configs of a new topic in the CreateTopics response (KIP-525). There may be thousands of topics that
 * set no config; they share one list.
 */
import { type ConfigLayers, describeTopicConfigs, type MetadataImage } from '@millrace/metadata';
import type { CreateTopicsResponse } from '@millrace/protocol';
import type { ControllerConfig } from './config.ts';
import { inheritedConfigs } from './inherited-configs.ts';

type Configs = CreateTopicsResponse['topics'][number]['configs'];
type Values = ReadonlyMap<string, string>;
type Inherited = Omit<ConfigLayers, 'topic'>;

const NOTHING: Values = new Map();

export class CreatedConfigs {
  private readonly config: ControllerConfig;
  /** The configs of a topic that sets none, computed from these layers. */
  private cached: { readonly inherited: Inherited; readonly configs: Configs } | undefined;

  constructor(config: ControllerConfig) {
    this.config = config;
  }

  of(image: MetadataImage, set: Values): Configs {
    const inherited = inheritedConfigs(image, this.config);
    if (set.size > 0) return describe({ ...inherited, topic: set });
    const { cached } = this;
    const isSame =
      cached?.inherited.dynamicDefault === inherited.dynamicDefault &&
      cached?.inherited.dynamicBroker === inherited.dynamicBroker;
    if (!isSame) this.cached = { inherited, configs: describe({ ...inherited, topic: NOTHING }) };
    return this.cached!.configs;
  }
}

function describe(layers: ConfigLayers): Configs {
  return describeTopicConfigs(layers).map(({ name, value, source, isSensitive }) => ({
    name,
    value,
    readOnly: false,
    configSource: source,
    isSensitive,
  }));
}
