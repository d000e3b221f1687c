/** The layers from which a topic inherits the configs that it does not set, as the controller sees them. */
import type { ConfigLayers, MetadataImage } from '@millrace/metadata';
import type { ControllerConfig } from './config.ts';

export function inheritedConfigs(
  image: MetadataImage,
  { nodeId, serverProperties }: ControllerConfig,
): Omit<ConfigLayers, 'topic'> {
  return {
    dynamicBroker: image.brokerConfig(String(nodeId)),
    dynamicDefault: image.brokerConfig(''),
    staticBroker: serverProperties,
  };
}
