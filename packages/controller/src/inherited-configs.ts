/** The layers from which a topic inherits the configs that it does not set, as the controller sees them. */
import { type ConfigLayers, dynamicLayers, type MetadataImage } from '@millrace/metadata';
import type { ControllerConfig } from './config.ts';

export function inheritedConfigs(
  image: MetadataImage,
  { nodeId, serverProperties }: ControllerConfig,
): Omit<ConfigLayers, 'topic'> {
  return { ...dynamicLayers(image, nodeId), staticBroker: serverProperties };
}
