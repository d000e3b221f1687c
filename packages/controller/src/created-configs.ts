/**
 * The configs of a new topic in the CreateTopics response (KIP-525). There may be thousands of topics that
 * set no config; they share one list.
 */
import { describeTopicConfigs, type MetadataImage } from '@millrace/metadata';
import type { CreateTopicsResponse } from '@millrace/protocol';

type Configs = CreateTopicsResponse['topics'][number]['configs'];
type Values = ReadonlyMap<string, string>;

const NOTHING: Values = new Map();

export class CreatedConfigs {
  private readonly staticBroker: Values;
  /** The configs of a topic that sets none, computed with this `dynamicDefault`. */
  private inherited: { readonly dynamicDefault: Values; readonly configs: Configs } | undefined;

  /** `staticBroker`: the controller's own properties. */
  constructor(staticBroker: Values) {
    this.staticBroker = staticBroker;
  }

  of(image: MetadataImage, set: Values): Configs {
    const dynamicDefault = image.brokerConfig('');
    if (set.size > 0) return this.describe(set, dynamicDefault);
    if (this.inherited?.dynamicDefault !== dynamicDefault)
      this.inherited = { dynamicDefault, configs: this.describe(NOTHING, dynamicDefault) };
    return this.inherited.configs;
  }

  private describe(topic: Values, dynamicDefault: Values): Configs {
    const described = describeTopicConfigs({ topic, dynamicDefault, staticBroker: this.staticBroker });
    return described.map(({ name, value, source, isSensitive }) => ({
      name,
      value,
      readOnly: false,
      configSource: source,
      isSensitive,
    }));
  }
}
