/**
 * The configs of brokers that change while the brokers run (KIP-226). A value that is set for one broker
 * overrides the value that is set for all brokers, and both override the broker's own configuration. The node
 * has the table of all broker settings.
 */
import type { NodeId } from '@millrace/base';
import type { MetadataImage } from './image.ts';
import type { ConfigLayers } from './topic-config.ts';

/** A setting of brokers, as far as a request that alters configs of brokers needs it. */
export interface BrokerSetting {
  /** False: only a restart of the broker with another configuration changes it. */
  readonly isDynamic: boolean;
  /** The default, if the setting is a list. */
  readonly defaultList: string | undefined;
  /** True: the value is secret, so no log line shows it. */
  readonly isSensitive?: true;
  /** Returns the error of an invalid value, or undefined. */
  check(value: string): string | undefined;
}

/** The dynamic value for this broker: the one set for it, or else the one set for all brokers. */
export function dynamicBrokerValue(image: MetadataImage, brokerId: NodeId, name: string): string | undefined {
  return dynamicValue(dynamicLayers(image, brokerId), name);
}

export function dynamicValue(
  { dynamicBroker, dynamicDefault }: DynamicLayers,
  name: string,
): string | undefined {
  return dynamicBroker?.get(name) ?? dynamicDefault?.get(name);
}

export type DynamicLayers = Pick<ConfigLayers, 'dynamicBroker' | 'dynamicDefault'>;

/** The dynamic configs that are set for the broker, and those that are set for all brokers. */
export function dynamicLayers(image: MetadataImage, brokerId: NodeId): Required<DynamicLayers> {
  return { dynamicBroker: image.brokerConfig(String(brokerId)), dynamicDefault: image.brokerConfig('') };
}
